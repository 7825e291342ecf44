import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { isIPv6 } from 'node:net';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';

/** Failed authentications per address and minute. */
export const MAX_FAILURES_PER_MINUTE = 60;
const WINDOW_MS = 60_000;
const MAX_ADDRESSES = 50_000;

type Window = { readonly endsAt: number; failures: number };

/**
 * Counts failed authentications per address, so that guessing is slow. Only failures are looked at: a good key behind
 * the same address goes on working. An IPv6 address counts as its /64, which is what one subscriber has.
 */
@Injectable()
export class FailedAttempts {
  readonly #windows = new LRUCache<string, Window>({ max: MAX_ADDRESSES });

  constructor(private readonly clock: Clock) {}

  /** @throws {AppError} `rate_limit_exceeded` once there are too many */
  count(address: string): void {
    const subject = subjectOf(address);
    const now = this.clock.now();
    const known = this.#windows.get(subject);
    const window = known && known.endsAt > now ? known : { endsAt: now + WINDOW_MS, failures: 0 };
    window.failures++;
    this.#windows.set(subject, window);
    if (window.failures <= MAX_FAILURES_PER_MINUTE) return;
    const seconds = Math.ceil((window.endsAt - now) / 1000);
    throw new AppError('rate_limit_exceeded', {
      message: `Too many failed authentications from this address. Try again in ${seconds} s.`,
      headers: { 'retry-after': String(seconds) },
      details: {
        limit: {
          metric: 'failed_authentications',
          window: 'minute',
          limit: MAX_FAILURES_PER_MINUTE,
          resets_in_s: seconds,
        },
      },
    });
  }
}

function subjectOf(address: string): string {
  const mapped = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  return isIPv6(mapped) ? expand(mapped).slice(0, 4).join(':') : mapped;
}

/** The eight groups of an IPv6 address. */
function expand(address: string): string[] {
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? [];
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  return [...left, ...zeros, ...right];
}
