import type { Secret } from '#common/secret/secret.js';
import { scrubSecrets } from '#platform/observability/secret-patterns.js';

import { RANDOM_PART_LENGTH } from './key-secret.js';

const LEAKED = 'Leaked: ';
const MAX_REASON_LENGTH = 500;
const MAX_SOURCE_LENGTH = 100;
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** That a key was found where it does not belong. */
export type LeakReport = {
  /** What was found; it may be no key at all. */
  readonly key: Secret;
  /** Who found it: `GitHub secret scanning (commit)`. */
  readonly source: string;
  /** Where; `null` when nobody says. */
  readonly url: string | null;
};

export const LEAK_OUTCOMES = ['revoked', 'disabled', 'already_inactive', 'unknown'] as const;
/** What was done. `unknown`: it is no key of this installation. */
export type LeakOutcome = (typeof LEAK_OUTCOMES)[number];

/** The state of a key that has leaked. */
export type LeakedKeyState = {
  readonly disabledAt: Date | null;
  readonly disabledReason: string | null;
  readonly enableAt: Date | null;
  readonly revokedAt: Date | null;
};

/**
 * What has to be changed of a key so that it can't be used any more, by whatever is changed of it later; `null` when that
 * is so already. An expired key is not out of use for good, and whoever enables a disabled one has to know that it leaked.
 */
export function changesOfLeakedKey(
  key: LeakedKeyState,
  action: 'revoke' | 'disable',
  reason: string,
  now: Date,
) {
  if (key.revokedAt && key.revokedAt <= now) return null;
  if (action === 'revoke') return { revokedAt: now, revokedReason: reason };
  const isKnown = key.disabledReason?.startsWith(LEAKED) === true;
  if (key.disabledAt && key.enableAt === null && isKnown) return null;
  return { disabledAt: now, disabledReason: reason, enableAt: null };
}

/** Where the leak was found, to be kept with the key and shown: bounded, and without the secret. */
export function leakReason(report: LeakReport): string {
  const place = report.url === null || report.url === '' ? '' : `, ${clean(report.url, report)}`;
  return `${LEAKED}${leakSource(report)}${place}`.slice(0, MAX_REASON_LENGTH);
}

export function leakSource(report: LeakReport): string {
  return clean(report.source, report).slice(0, MAX_SOURCE_LENGTH);
}

/** Cleaned as a whole before it is cut: half a secret has no shape that could be known. */
function clean(text: string, { key }: LeakReport): string {
  // The random part alone, because a URL may write what stands before it in other ways (`pr%2Dlive%2D…`).
  const secretPart = key.reveal().slice(-RANDOM_PART_LENGTH);
  return scrubSecrets(text)
    .replaceAll(secretPart, '[redacted]')
    .replaceAll(CONTROL_CHARACTERS, ' ');
}
