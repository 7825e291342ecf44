import { Injectable } from '@nestjs/common';
import { isIPv6 } from 'node:net';

import { AppError } from '#common/errors/app-error.js';
import type { SharedThrottle } from '#platform/http/throttle/shared-throttle.js';
import { Throttles } from '#platform/http/throttle/throttles.js';

/** Failed authentications per address and minute. */
export const MAX_FAILURES_PER_MINUTE = 60;
const RATE = { limit: MAX_FAILURES_PER_MINUTE, windowMs: 60_000 };

/**
 * Counts failed authentications per address, over all instances, so that guessing is slow. Only failures are looked at: a
 * good key behind the same address goes on working, and costs nothing here. An IPv6 address counts as its /64, which is
 * what one subscriber has.
 */
@Injectable()
export class FailedAttempts {
  readonly #throttle: SharedThrottle;

  constructor(throttles: Throttles) {
    this.#throttle = throttles.open('failed_authentications');
  }

  /** @throws {AppError} `rate_limit_exceeded` once there are too many */
  async count(address: string): Promise<void> {
    await this.begin(address);
  }

  /**
   * For attempts that are dear, and must not even be made once there were too many failures. It counts as a failure until
   * it is given back.
   * @returns gives it back: it was none
   * @throws {AppError} as {@link count}
   */
  async begin(address: string): Promise<() => void> {
    const subject = subjectOf(address);
    const { hits, resetsInSeconds } = await this.#throttle.hit(subject, RATE);
    if (hits <= MAX_FAILURES_PER_MINUTE) return () => this.#throttle.giveBack(subject, RATE);
    throw new AppError('rate_limit_exceeded', {
      message: `Too many failed authentications from this address. Try again in ${resetsInSeconds} s.`,
      headers: { 'retry-after': String(resetsInSeconds) },
      details: {
        limit: {
          metric: 'failed_authentications',
          window: 'minute',
          limit: MAX_FAILURES_PER_MINUTE,
          resets_in_s: resetsInSeconds,
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
