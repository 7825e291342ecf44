import type { UsageCaller, UsageRecord, UsageRoute } from '../usage-record.js';
import { NULL_FIELD, textField, utf8 } from './usage-line.js';

/** There are a few surfaces and statuses only; the bounds are for a caller that does not keep to that. */
const MAX_SURFACES = 64;
const MAX_ENDINGS = 512;
const WAYS_TO_END = 18;

/** Remembers for as long as its object lives how that stands in a line. */
class Fragments<Part extends object> {
  readonly #known = new WeakMap<Part, Uint8Array>();

  constructor(private readonly toFields: (part: Part) => string) {}

  of(part: Part): Uint8Array {
    const known = this.#known.get(part);
    if (known !== undefined) return known;
    const fragment = utf8(this.toFields(part));
    this.#known.set(part, fragment);
    return fragment;
  }
}

export const callers = new Fragments<UsageCaller>(
  ({ organizationId, keyId }) => `\t${textField(organizationId)}\t${textField(keyId)}`,
);

export const routes = new Fragments<UsageRoute>(
  ({ model, provider, upstreamModel, priceVersion }) =>
    `\t${textField(model)}\t${textField(provider)}\t${textField(upstreamModel)}` +
    `\t${priceVersion === null ? NULL_FIELD : textField(priceVersion)}`,
);

/** All that few values are known of, and so stand in a line in few ways. */
type Ending = Pick<UsageRecord, 'surface' | 'status' | 'outcome' | 'usageSource' | 'stream'>;

const OUTCOME_NUMBERS = { completed: 0, failed: 1, aborted: 2 } as const;
const SOURCE_NUMBERS = { upstream: 0, counted: 1, none: 2 } as const;

const endings = new Map<string, Map<number, Uint8Array>>();

/** How the call ended, up to where its tokens follow. */
export function endingFragment(ending: Ending): Uint8Array {
  const { surface, status, outcome, usageSource, stream } = ending;
  // Any other number could make the key that of another ending.
  if ((status | 0) !== status) return utf8(toEndingFields(ending));
  const ofSurface = endings.get(surface) ?? rememberSurface(surface);
  const way = (OUTCOME_NUMBERS[outcome] * 3 + SOURCE_NUMBERS[usageSource]) * 2 + (stream ? 1 : 0);
  const key = status * WAYS_TO_END + way;
  const known = ofSurface.get(key);
  if (known !== undefined) return known;
  const fragment = utf8(toEndingFields(ending));
  if (ofSurface.size >= MAX_ENDINGS) ofSurface.clear();
  ofSurface.set(key, fragment);
  return fragment;
}

function rememberSurface(surface: string): Map<number, Uint8Array> {
  if (endings.size >= MAX_SURFACES) endings.clear();
  const ofSurface = new Map<number, Uint8Array>();
  endings.set(surface, ofSurface);
  return ofSurface;
}

function toEndingFields({ surface, status, outcome, usageSource, stream }: Ending): string {
  const figure = Number.isFinite(status) ? status : NULL_FIELD;
  return `\t${textField(surface)}\t${figure}\t${outcome}\t${stream}\t${usageSource}\t`;
}
