import type { ApiKeySecretEntity } from '../../../api-key-secret.entity.js';

/** A secret that waits to be claimed, and until when there are others. */
export type Overlap = {
  readonly waiting: ApiKeySecretEntity & { readonly sealed: Buffer };
  /** When the last of the others ends; `ended` when there is none any more. */
  readonly oldEndsAt: Date | 'never' | 'ended';
};

/**
 * @param good a key's secrets that are good, the oldest first
 * @returns `null` when none of them waits
 */
export function overlapOf(good: readonly ApiKeySecretEntity[]): Overlap | null {
  const waiting = good.findLast(isWaiting);
  if (!waiting) return null;
  const others = good.filter(({ sealed }) => sealed === null);
  if (others.length === 0) return { waiting, oldEndsAt: 'ended' };
  const ends = others.flatMap(({ expiresAt }) => expiresAt?.getTime() ?? []);
  const oldEndsAt = ends.length < others.length ? 'never' : new Date(Math.max(...ends));
  return { waiting, oldEndsAt };
}

function isWaiting(
  secret: ApiKeySecretEntity,
): secret is ApiKeySecretEntity & { readonly sealed: Buffer } {
  return secret.sealed !== null;
}
