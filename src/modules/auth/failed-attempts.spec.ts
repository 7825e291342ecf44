import { beforeEach, describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';

import { MemoryThrottleStore, throttlesOn } from '../../../test/support/throttles.js';
import { FailedAttempts, MAX_FAILURES_PER_MINUTE } from './failed-attempts.js';

class TestClock extends Clock {
  ms = 1_000_000;
  override now(): number {
    return this.ms;
  }
}

let clock: TestClock;
let store: MemoryThrottleStore;
let attempts: FailedAttempts;
beforeEach(() => {
  clock = new TestClock();
  store = new MemoryThrottleStore(clock);
  attempts = new FailedAttempts(throttlesOn(store, clock));
});

async function fail(address: string, times: number): Promise<void> {
  await Promise.all(Array.from({ length: times }, () => attempts.count(address)));
}

async function refusalOf(address: string): Promise<AppError | null> {
  try {
    await attempts.count(address);
    return null;
  } catch (error) {
    return error as AppError;
  }
}

describe('FailedAttempts', () => {
  it('lets as many failures pass as are allowed, and refuses from then on', async () => {
    await fail('192.0.2.1', MAX_FAILURES_PER_MINUTE);
    clock.ms += 20_500;
    for (let i = 0; i < 3; i++) {
      expect(await refusalOf('192.0.2.1')).toMatchObject({
        code: 'rate_limit_exceeded',
        headers: { 'retry-after': '40' },
        details: { limit: { limit: MAX_FAILURES_PER_MINUTE, resets_in_s: 40 } },
      });
    }
  });

  it('forgets after a minute, however much was tried meanwhile', async () => {
    await fail('192.0.2.1', MAX_FAILURES_PER_MINUTE);
    expect(await refusalOf('192.0.2.1')).not.toBeNull();
    clock.ms += 59_999;
    expect(await refusalOf('192.0.2.1')).not.toBeNull();
    clock.ms += 1;
    await fail('192.0.2.1', MAX_FAILURES_PER_MINUTE);
    expect(await refusalOf('192.0.2.1')).not.toBeNull();
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
  ])('%s and %s are one subject: %s', async (first, second, isOne) => {
    await fail(first, MAX_FAILURES_PER_MINUTE);
    expect((await refusalOf(second)) !== null).toBe(isOne);
  });

  it('counts what others have counted', async () => {
    const elsewhere = new FailedAttempts(throttlesOn(store, clock));
    await Promise.all(Array.from({ length: 59 }, () => elsewhere.count('192.0.2.1')));
    expect(await refusalOf('192.0.2.1')).toBeNull();
    expect(await refusalOf('192.0.2.1')).toMatchObject({ code: 'rate_limit_exceeded' });
  });

  it('takes back what was no failure', async () => {
    for (let round = 0; round < 2 * MAX_FAILURES_PER_MINUTE; round++) {
      const giveBack = await attempts.begin('192.0.2.1');
      giveBack();
    }
    await fail('192.0.2.1', MAX_FAILURES_PER_MINUTE);
    expect(await refusalOf('192.0.2.1')).toMatchObject({ code: 'rate_limit_exceeded' });
  });
});
