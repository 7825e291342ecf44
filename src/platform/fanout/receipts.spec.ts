import { describe, expect, it, vi } from 'vitest';

import { createLogger } from '#platform/observability/logger.js';

import type { Fanout } from './fanout.port.js';
import type { Instances } from './instances.js';
import { Receipts } from './receipts.js';

/** Hands messages over at once, to its only instance, unless it is broken. */
function receiptsOf(live: () => Promise<Set<string>>, isBroken = false): Receipts {
  const handlers = new Map<string, (payload: string) => void>();
  const fanout = {
    subscribe: (topic: string, handler: (payload: string) => void) => handlers.set(topic, handler),
    publish: async (topic: string, payload: string) => {
      await Promise.resolve();
      if (isBroken) throw new Error('away');
      handlers.get(topic)?.(payload);
    },
  } as unknown as Fanout;
  const instances = { ownId: 'ins_1', live } as unknown as Instances;
  return new Receipts(fanout, instances, createLogger('silent'));
}

describe('Receipts', () => {
  it('are complete once every live instance has given one', async () => {
    const receipts = receiptsOf(() => Promise.resolve(new Set(['ins_1'])));
    expect(await receipts.publish('t', 'p', 1_000)).toEqual({
      instances: 1,
      acknowledged: 1,
      atMs: expect.any(Number) as number,
    });
  });

  it('are missing, and nothing is rejected, when the message can’t be handed over', async () => {
    const receipts = receiptsOf(() => Promise.resolve(new Set(['ins_1', 'ins_2'])), true);
    const found = await receipts.publish('t', 'p', 1_000);
    expect(found).toEqual({ instances: 2, acknowledged: 0, atMs: null });
  });

  it('say nothing, and nothing is rejected, when nobody knows which instances live', async () => {
    const receipts = receiptsOf(() => Promise.reject(new Error('away')));
    expect(await receipts.publish('t', 'p', 1_000)).toBeNull();
  });

  it('are waited for by a bounded number of callers', async () => {
    vi.useFakeTimers();
    const receipts = receiptsOf(() => Promise.resolve(new Set(['ins_2'])));
    const waiting = Array.from({ length: 1_000 }, () => receipts.publish('t', 'p', 1_000));
    await vi.advanceTimersByTimeAsync(1);
    expect(await receipts.publish('t', 'p', 1_000)).toBeNull();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(new Set((await Promise.all(waiting)).map((found) => found?.atMs))).toEqual(
      new Set([null]),
    );
    vi.useRealTimers();
  });
});
