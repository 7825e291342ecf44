import { beforeEach, describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';

import { FailedAttempts, MAX_FAILURES_PER_MINUTE } from './failed-attempts.js';

class TestClock extends Clock {
  ms = 1_000_000;
  override now(): number {
    return this.ms;
  }
}

let clock: TestClock;
let attempts: FailedAttempts;
beforeEach(() => {
  clock = new TestClock();
  attempts = new FailedAttempts(clock);
});

function fail(address: string, times: number): void {
  for (let i = 0; i < times; i++) attempts.count(address);
}

function refusalOf(address: string): AppError | null {
  try {
    attempts.count(address);
    return null;
  } catch (error) {
    return error as AppError;
  }
}

describe('FailedAttempts', () => {
  it('lets as many failures pass as are allowed, and refuses from then on', () => {
    fail('192.0.2.1', MAX_FAILURES_PER_MINUTE);
    clock.ms += 20_500;
    for (let i = 0; i < 3; i++) {
      expect(refusalOf('192.0.2.1')).toMatchObject({
        code: 'rate_limit_exceeded',
        headers: { 'retry-after': '40' },
        details: { limit: { limit: MAX_FAILURES_PER_MINUTE, resets_in_s: 40 } },
      });
    }
  });

  it('forgets after a minute, however much was tried meanwhile', () => {
    fail('192.0.2.1', MAX_FAILURES_PER_MINUTE);
    expect(refusalOf('192.0.2.1')).not.toBeNull();
    clock.ms += 59_999;
    expect(refusalOf('192.0.2.1')).not.toBeNull();
    clock.ms += 1;
    fail('192.0.2.1', MAX_FAILURES_PER_MINUTE);
    expect(refusalOf('192.0.2.1')).not.toBeNull();
  });

  it.each([
    ['192.0.2.1', '192.0.2.2', false],
    ['192.0.2.1', '::ffff:192.0.2.1', true],
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['2001:db8::1', '2001:db8:0:0:1::', true],
    ['2001:db8::1', '2001:db8:0:1::1', false],
    ['::1', '::2', true],
    ['fe80::1%eth0', 'fe80::2%eth1', true],
    ['1::', '1:0:0:0:5::', true],
  ])('%s and %s are one subject: %s', (first, second, isOne) => {
    fail(first, MAX_FAILURES_PER_MINUTE);
    expect(refusalOf(second) !== null).toBe(isOne);
  });

  it('keeps a bounded number of addresses, and the ones that fail most recently', () => {
    fail('192.0.2.1', MAX_FAILURES_PER_MINUTE);
    for (let i = 0; i < 49_999; i++) fail(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 1);
    expect(refusalOf('192.0.2.1')).not.toBeNull();
    for (let i = 0; i < 50_000; i++) fail(`11.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 1);
    expect(refusalOf('192.0.2.1')).toBeNull();
  });
});
