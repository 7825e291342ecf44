import type { Allowance } from './domain/allowance.js';
import type { Lease } from './leases/lease.js';
import type { LeaseSet } from './leases/lease-set.js';

const SECOND_MS = 1_000;

/**
 * Adds what a caller is told of the limits that are closest to running out: of requests and of tokens in OpenAI’s names
 * (`x-ratelimit-…`, resets as durations such as `6m0s`), and of the closer of the two in the IETF’s (`RateLimit`,
 * `RateLimit-Policy`: draft-ietf-httpapi-ratelimit-headers-10, in seconds).
 * @param now milliseconds since the epoch
 */
export function addRateLimitHeaders(
  headers: Record<string, unknown>,
  { ofRequests, ofTokens }: LeaseSet,
  now: number,
): void {
  const requests = closest(ofRequests, now);
  const tokens = closest(ofTokens, now);
  // Each name is written out: putting them together costs more than all the rest.
  if (requests) {
    headers['x-ratelimit-limit-requests'] = requests.limit;
    headers['x-ratelimit-remaining-requests'] = requests.remaining;
    headers['x-ratelimit-reset-requests'] = requests.resetsIn;
  }
  if (tokens) {
    headers['x-ratelimit-limit-tokens'] = tokens.limit;
    headers['x-ratelimit-remaining-tokens'] = tokens.remaining;
    headers['x-ratelimit-reset-tokens'] = tokens.resetsIn;
  }
  const first =
    requests && tokens ? (tokens.share < requests.share ? tokens : requests) : (requests ?? tokens);
  if (first) {
    headers['ratelimit-policy'] = first.policy;
    headers.ratelimit = `${first.name};r=${first.remaining};t=${first.resetsInSeconds}`;
  }
}

/** Of which the least share is left, as it is now. */
function closest(limits: readonly ShownLimit[], now: number): ShownLimit | null {
  let found: ShownLimit | null = null;
  for (const limit of limits) {
    limit.measure();
    if (found === null || limit.share < found.share) found = limit;
  }
  found?.write(now);
  return found;
}

/** A limit as it is told; what stays the same from call to call is put into words once. */
export class ShownLimit {
  /** What is left, of 1. */
  share = 0;
  name = '';
  policy = '';
  limit = '';
  remaining = '';
  resetsIn = '';
  resetsInSeconds = 0;
  /** Of which `resetsIn` tells; 0: of milliseconds. */
  #wholeSeconds = 0;
  #remaining = 0;
  #limit = 0;
  #allowance: Allowance | null = null;

  constructor(private readonly lease: Lease) {}

  measure(): void {
    if (this.#allowance !== this.lease.allowance) this.#describe(this.lease);
    this.#remaining = this.lease.remaining;
    this.share = this.#remaining / this.#limit;
  }

  write(now: number): void {
    this.remaining = String(this.#remaining);
    const { window, isRate } = this.lease;
    const ms = isRate ? SECOND_MS : Math.max(0, window.endsAt - now);
    const seconds = Math.ceil(ms / SECOND_MS);
    this.resetsInSeconds = seconds;
    if (ms < SECOND_MS) this.resetsIn = `${ms}ms`;
    else if (seconds !== this.#wholeSeconds) this.resetsIn = duration(seconds);
    this.#wholeSeconds = ms < SECOND_MS ? 0 : seconds;
  }

  #describe({ allowance, window, isRate }: Lease): void {
    const { metric, window: kind, limit, burst } = allowance;
    const length = isRate ? 1 : (window.endsAt - window.startsAt) / SECOND_MS;
    this.#allowance = allowance;
    this.#limit = isRate ? (burst ?? limit) : limit;
    this.limit = String(this.#limit);
    this.name = `"${metric}-per-${kind}"`;
    this.policy = `${this.name};q=${this.limit};w=${length}`;
  }
}

/** As OpenAI writes them: `1s`, `6m0s`, `23h59m1s`; below a second `250ms`. */
function duration(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)];
  const rest = `${seconds % 60}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}
