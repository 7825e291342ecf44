import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Clock } from '#common/time/clock.js';
import { createLogger } from '#platform/observability/logger.js';

import type { PartitionKeeperService } from '../partition-keeper.service.js';
import { BatchedRefusalCounter } from './batched-refusal-counter.js';
import type { RefusalRepository, Refusals } from './refusal.repository.js';

const MINUTE = 60_000;

class SetClock extends Clock {
  constructor(public time = 10 * MINUTE) {
    super();
  }
  override now(): number {
    return this.time;
  }
}

/** PostgreSQL, that can be away. */
class FakeRepository {
  isAway = false;
  readonly stored: Refusals[][] = [];
  addAcrossTenants(refusals: readonly Refusals[]): Promise<void> {
    if (this.isAway) return Promise.reject(new Error('It is away.'));
    this.stored.push(refusals.map((one) => ({ ...one })));
    return Promise.resolve();
  }
}

let clock: SetClock;
let repository: FakeRepository;
let registry: Registry;
let counter: BatchedRefusalCounter;
let unstorable: Set<number>;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  clock = new SetClock();
  repository = new FakeRepository();
  registry = new Registry();
  unstorable = new Set();
  const partitions = { prepare: () => Promise.resolve(unstorable), forget: () => undefined };
  counter = new BatchedRefusalCounter(
    repository as unknown as RefusalRepository,
    partitions as unknown as PartitionKeeperService,
    clock,
    createLogger('silent'),
    registry,
  );
});
afterEach(() => vi.useRealTimers());

function refuse(keyId: string, times = 1): void {
  for (let time = 0; time < times; time++) counter.refused({ organizationId: 'org_a', keyId });
}

function counted(keyId: string, minute: number, calls: number): Refusals {
  return { organizationId: 'org_a', keyId, minuteMs: minute * MINUTE, calls };
}

async function uncounted(): Promise<number> {
  const text = await registry.metrics();
  return Number(/^latchkey_usage_uncounted_refusals_total (\d+)$/m.exec(text)?.[1]);
}

describe('BatchedRefusalCounter', () => {
  it('stores the calls of 5 s at once, by key and minute, and then rests', async () => {
    refuse('key_a', 3);
    refuse('key_b');
    clock.time = 11 * MINUTE;
    refuse('key_a');
    await vi.advanceTimersByTimeAsync(4_999);
    expect(repository.stored).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(repository.stored).toEqual([
      [counted('key_a', 10, 3), counted('key_b', 10, 1), counted('key_a', 11, 1)],
    ]);
    expect(vi.getTimerCount()).toBe(0);
    refuse('key_a');
    await vi.advanceTimersByTimeAsync(5_000);
    expect(repository.stored[1]).toEqual([counted('key_a', 11, 1)]);
  });

  it('keeps what can’t be stored, with what comes meanwhile, and loses nothing', async () => {
    repository.isAway = true;
    refuse('key_a', 2);
    await vi.advanceTimersByTimeAsync(5_000);
    refuse('key_a');
    await vi.advanceTimersByTimeAsync(5_000);
    repository.isAway = false;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(repository.stored).toEqual([[counted('key_a', 10, 3)]]);
  });

  it('counts 10,000 keys at most while PostgreSQL is away, and says how many calls it missed', async () => {
    repository.isAway = true;
    for (let key = 0; key < 10_002; key++) refuse(`key_${key}`, 2);
    expect(await uncounted()).toBe(4);
    refuse('key_0');
    expect(await uncounted()).toBe(4);
  });

  it('gives up what has no place in PostgreSQL', async () => {
    unstorable.add(10 * MINUTE);
    refuse('key_a', 2);
    clock.time = 11 * MINUTE;
    refuse('key_a');
    await vi.advanceTimersByTimeAsync(5_000);
    expect(repository.stored).toEqual([[counted('key_a', 11, 1)]]);
    expect(await uncounted()).toBe(2);
  });

  it('stores the last ones at shutdown, and does not wait there for what is away', async () => {
    refuse('key_a');
    await counter.onApplicationShutdown();
    expect(repository.stored).toEqual([[counted('key_a', 10, 1)]]);
    repository.isAway = true;
    refuse('key_a');
    await counter.onApplicationShutdown();
    expect(vi.getTimerCount()).toBe(0);
  });
});
