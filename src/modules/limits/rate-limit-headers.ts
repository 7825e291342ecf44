import type { Lease } from './leases/lease.js';
import type { LeaseSet } from './leases/lease-set.js';

const SECOND_MS = 1_000;

/**
 * What a caller is told of the limits that are closest to running out: of requests and of tokens in OpenAI’s names
 * (`x-ratelimit-…`, resets as durations such as `6m0s`), and of the closer of the two in the IETF’s (`RateLimit`,
 * `RateLimit-Policy`: draft-ietf-httpapi-ratelimit-headers-10, in seconds).
 * @param now milliseconds since the epoch
 */
export function rateLimitHeaders(set: LeaseSet, now: number): Record<string, string> {
  const headers: Record<string, string> = {};
  const requests = closest(set.ofRequests);
  const tokens = closest(set.ofTokens);
  if (requests) addOpenAiHeaders(headers, 'requests', requests, now);
  if (tokens) addOpenAiHeaders(headers, 'tokens', tokens, now);
  const first = closest([requests, tokens].filter((lease) => lease !== null));
  if (first) {
    const { metric, window } = first.allowance;
    const name = `"${metric}-per-${window}"`;
    const resetsIn = Math.ceil(resetsInMs(first, now) / SECOND_MS);
    headers['ratelimit-policy'] = `${name};q=${limitOf(first)};w=${lengthOf(first)}`;
    headers.ratelimit = `${name};r=${first.remaining};t=${resetsIn}`;
  }
  return headers;
}

function addOpenAiHeaders(
  headers: Record<string, string>,
  what: 'requests' | 'tokens',
  lease: Lease,
  now: number,
): void {
  headers[`x-ratelimit-limit-${what}`] = String(limitOf(lease));
  headers[`x-ratelimit-remaining-${what}`] = String(lease.remaining);
  headers[`x-ratelimit-reset-${what}`] = duration(resetsInMs(lease, now));
}

/** Of which the least share is left. */
function closest(leases: readonly Lease[]): Lease | null {
  let found: Lease | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const lease of leases) {
    const share = lease.remaining / limitOf(lease);
    if (share >= least) continue;
    least = share;
    found = lease;
  }
  return found;
}

function limitOf({ allowance, isRate }: Lease): number {
  return isRate ? (allowance.burst ?? allowance.limit) : allowance.limit;
}

function lengthOf({ window, isRate }: Lease): number {
  return isRate ? 1 : (window.endsAt - window.startsAt) / SECOND_MS;
}

function resetsInMs({ window, isRate }: Lease, now: number): number {
  return isRate ? SECOND_MS : Math.max(0, window.endsAt - now);
}

/** As OpenAI writes them: `250ms`, `1s`, `6m0s`, `23h59m1s`. */
function duration(ms: number): string {
  if (ms < SECOND_MS) return `${ms}ms`;
  const seconds = Math.ceil(ms / SECOND_MS);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)];
  const rest = `${seconds % 60}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}
