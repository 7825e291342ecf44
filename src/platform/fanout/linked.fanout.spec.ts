import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';

import { createLogger } from '#platform/observability/logger.js';

import { type FanoutLinkEvents, type FanoutMedium, LinkedFanout } from './linked.fanout.js';

const PROBE_EVERY_MS = 5;

/** A medium whose every step the test decides. */
class FakeMedium implements FanoutMedium {
  readonly name = 'fake';
  readonly sent: string[] = [];
  events: FanoutLinkEvents | null = null;
  opened = 0;
  probe = (): Promise<void> => Promise.resolve();
  takes = (): Promise<void> => Promise.resolve();

  open(events: FanoutLinkEvents) {
    this.opened++;
    this.events = events;
    return Promise.resolve({ probe: () => this.probe(), close: () => undefined });
  }

  async send(message: string): Promise<void> {
    await this.takes();
    this.sent.push(message);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

describe('LinkedFanout', () => {
  async function started() {
    const medium = new FakeMedium();
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line) => void lines.push(line) });
    const fanout = new LinkedFanout(medium, logger, PROBE_EVERY_MS);
    const gap = vi.fn();
    await fanout.start();
    fanout.onGap(gap);
    return { medium, fanout, gap, lines };
  }

  it('counts a proof from before it left, not from when its answer came', async () => {
    const { medium, fanout } = await started();
    const leftAt: number[] = [];
    let answer = (): void => undefined;
    medium.probe = () => {
      leftAt.push(performance.now());
      return new Promise((resolve) => (answer = resolve));
    };
    await vi.waitFor(() => expect(leftAt).toHaveLength(1));
    await sleep(30);
    answer();
    await sleep(0);
    expect(fanout.lastConfirmedAt).toBeLessThanOrEqual(leftAt[0]!);
    expect(fanout.lastConfirmedAt).toBeGreaterThan(leftAt[0]! - 5);
    await fanout.close();
  });

  it('replaces a link that fails a proof, reporting a gap before it counts as confirmed again', async () => {
    const { medium, fanout, gap } = await started();
    medium.probe = () => Promise.reject(new Error('no answer'));
    await sleep(30);
    const before = fanout.lastConfirmedAt;
    const confirmedAtGap: number[] = [];
    gap.mockImplementation(() => confirmedAtGap.push(fanout.lastConfirmedAt));
    medium.probe = () => Promise.resolve();
    await vi.waitFor(() => expect(fanout.lastConfirmedAt).toBeGreaterThan(before));
    expect(confirmedAtGap).toContain(before);
    await fanout.close();
  });

  it('tells everyone of a gap once after messages that it could not hand over', async () => {
    const { medium, fanout } = await started();
    medium.takes = () => Promise.reject(new Error('away'));
    await expect(fanout.publish('keys.changed', 'key_1')).rejects.toThrow('away');
    await expect(fanout.publish('keys.changed', 'key_2')).rejects.toThrow('away');
    await sleep(4 * PROBE_EVERY_MS);
    medium.takes = () => Promise.resolve();
    await sleep(10 * PROBE_EVERY_MS);
    expect(medium.sent).toEqual(['["",""]']);
    await fanout.close();
  });

  it('calls the gap handlers when another instance tells of a gap', async () => {
    const { medium, fanout, gap } = await started();
    medium.events?.onMessage('["",""]');
    expect(gap).toHaveBeenCalledOnce();
    await fanout.close();
  });

  it.each(['', 'not json', '{}', '["topic"]', '[1,2]'])(
    'survives %j, which is not its own',
    async (message) => {
      const { medium, fanout, gap, lines } = await started();
      medium.events?.onMessage(message);
      expect(gap).not.toHaveBeenCalled();
      expect(lines.join()).toContain('not one of ours');
      await fanout.close();
    },
  );

  it('refuses more messages at once than it can have under way', async () => {
    const { medium, fanout } = await started();
    let take = (): void => undefined;
    const taken = new Promise<void>((resolve) => (take = resolve));
    medium.takes = () => taken;
    const sending = Array.from({ length: 1_000 }, () => fanout.publish('keys.changed', 'key_1'));
    await expect(fanout.publish('keys.changed', 'key_2')).rejects.toThrow('Too many');
    take();
    await Promise.all(sending);
    await fanout.close();
  });
});
