import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Logger } from '#platform/observability/logger.js';

import {
  begin,
  lease,
  openJournal,
  segmentsOf,
  usedOf,
} from '../../../../test/support/call-journal.js';
import { JournalUnavailableError } from './journal.errors.js';

const MAX = Number.MAX_SAFE_INTEGER;
const HOUR_MS = 3_600_000;
const NOW = 1_763_700_000_000;

let dataDir: string;
beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), 'journal-'))));
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const requests = lease('requests', 0);
const tokens = lease('tokens', 3);
const cost = lease('cost', 4);
const parallel = lease('parallel', 5);
const set = [requests, tokens, cost, parallel];

describe('a call journal', () => {
  it('tells its successor what calls settled to, and what those reserved that were cut off', async () => {
    const journal = openJournal(dataDir);
    expect([journal.left, journal.abandoned]).toEqual([[], []]);
    const ended = await begin(journal, set, [1, 0, 0, 500, 9_000_000_000, 1]);
    journal.end(ended, [1, 0, 0, 120, 7_123_456_789, 1]);
    await begin(journal, [requests, cost], [1, 0, 0, 999, 40, 1]);
    const successor = openJournal(dataDir);
    expect(successor.holderId).toBe(journal.holderId);
    expect(successor.left).toEqual([
      { ...requests, used: 2 },
      { ...tokens, used: 120 },
      { ...cost, used: 7_123_456_829 },
    ]);
  });

  it('goes on adding to what predecessors used, each window by itself', async () => {
    const later = lease('requests', 0, 1);
    for (let run = 0; run < 3; run++) {
      const journal = openJournal(dataDir);
      await begin(journal, [requests, later], [2, 0, 0, 0, 0, 0]);
      await begin(journal, [later], [3, 0, 0, 0, 0, 0]);
    }
    expect(openJournal(dataDir).left).toEqual([
      { ...requests, used: 6 },
      { ...later, used: 15 },
    ]);
  });

  it('counts a call whose end was not written yet as it had reserved', async () => {
    const journal = openJournal(dataDir);
    const ticket = await begin(journal, set, [1, 0, 0, 500, 0, 1]);
    journal.end(ticket, [1, 0, 0, 0, 0, 0]);
    expect(usedOf(openJournal(dataDir).left)).toEqual({ requests: 1, tokens: 500 });
  });

  it('writes an end without waiting for another call for long', async () => {
    const journal = openJournal(dataDir, { limits: { endDelayMs: 1 } });
    const ticket = await begin(journal, set, [1, 0, 0, 500, 0, 1]);
    const [segment] = segmentsOf(dataDir, journal) as [string];
    const { size } = statSync(segment);
    journal.end(ticket, [0, 0, 0, 0, 0, 0]);
    await vi.waitFor(() => expect(statSync(segment).size).toBeGreaterThan(size));
    expect(usedOf(openJournal(dataDir).left)).toEqual({});
  });

  it('takes an end once, and only of a call that began', async () => {
    const journal = openJournal(dataDir);
    const ticket = await begin(journal, set, [1, 0, 0, 10, 0, 1]);
    journal.end(ticket, [1, 0, 0, 7, 0, 1]);
    journal.end(ticket, [1, 0, 0, 7, 0, 1]);
    journal.end(ticket + 1, [1, 0, 0, 7, 0, 1]);
    journal.close();
    expect(usedOf(openJournal(dataDir).left)).toEqual({ requests: 1, tokens: 7 });
  });

  it('keeps any text as an allowance, and all figures', async () => {
    const allowances = ['', ' "\\\n\r\t\0=', 'é漢😀', '\ud800', 'x'.repeat(600)];
    const leases = allowances.map((allowance, metric) => ({
      ...lease(allowance, metric, metric * 1_000),
      endsAt: metric === 0 ? Infinity : MAX,
    }));
    const figures = [1, 999_999_999, 1_000_000_000, 2 ** 32, MAX];
    await begin(openJournal(dataDir), leases, [...figures, 0]);
    expect(openJournal(dataDir).left).toEqual(
      leases.map((one, metric) => ({ ...one, used: figures[metric] })),
    );
  });

  it('stops at 2^53 - 1 where a sum would be above', async () => {
    const journal = openJournal(dataDir);
    for (const isEnded of [true, true, false]) {
      const ticket = await begin(journal, [cost], [0, 0, 0, 0, MAX, 0]);
      if (isEnded) journal.end(ticket, [0, 0, 0, 0, MAX - 1, 0]);
    }
    for (let run = 0; run < 2; run++)
      expect(usedOf(openJournal(dataDir).left)).toEqual({ cost: MAX });
  });

  it('refuses what it could not read again, and stages nothing of it', async () => {
    const journal = openJournal(dataDir);
    const fails = (leases: typeof set, amounts: number[]) =>
      expect(() => journal.begin(leases, amounts, () => expect.unreachable())).toThrow(RangeError);
    for (const amount of [-1, 0.5, NaN, Infinity, MAX + 1]) fails(set, [1, amount, 0, 0, 0, 0]);
    fails(set, [1]);
    fails([{ ...requests, allowance: 'x'.repeat(601) }], [0, 0, 0, 0, 0, 0]);
    fails([{ ...requests, startsAt: -1 }], [0, 0, 0, 0, 0, 0]);
    fails([{ ...requests, endsAt: NaN }], [0, 0, 0, 0, 0, 0]);
    const ticket = await begin(journal, set, [1, 0, 0, 10, 0, 1]);
    expect(() => journal.end(ticket, [1, 0, 0, -5, 0, 1])).toThrow(RangeError);
    expect(usedOf(openJournal(dataDir).left)).toEqual({ requests: 1, tokens: 10 });
  });

  it('tells all callers of a turn, also after one that throws', async () => {
    const journal = openJournal(dataDir);
    journal.begin(set, [1, 0, 0, 0, 0, 1], () => {
      throw new Error('It broke its promise.');
    });
    expect(await begin(journal, set, [1, 0, 0, 0, 0, 1])).toBe(2);
  });
});

describe('the size of a call journal', () => {
  it('is bounded by leases and open calls, not by how many calls there were', async () => {
    const journal = openJournal(dataDir, { limits: { segmentBytes: 2_000 } });
    const open = await begin(journal, set, [1, 0, 0, 77, 0, 1]);
    for (let turn = 0; turn < 300; turn++) {
      // Always another array, as when a window of one of the leases follows the last.
      const leases = turn % 2 === 0 ? [requests, cost] : set;
      const tickets = await Promise.all(
        [1, 2, 3].map(() => begin(journal, [...leases], [1, 0, 0, 5, 20, 1])),
      );
      for (const ticket of tickets) journal.end(ticket, [1, 0, 0, 3, 10, 1]);
      const segments = segmentsOf(dataDir, journal);
      expect(segments).toHaveLength(1);
      expect(statSync(segments[0]!).size).toBeLessThan(4_000);
    }
    expect(segmentsOf(dataDir, journal)[0]).not.toMatch(/0{11}1\.log$/);
    journal.end(open, [1, 0, 0, 0, 0, 1]);
    await begin(journal, [requests], [0, 0, 0, 0, 0, 0]);
    expect(usedOf(openJournal(dataDir).left)).toEqual({
      requests: 901,
      tokens: 1_350,
      cost: 9_000,
    });
  });

  it('lets go of windows that are over by an hour, or by five of their lengths', async () => {
    let now = NOW;
    const clock = { now: () => now };
    const window = (allowance: string, length: number) => ({
      ...lease(allowance, 0, NOW),
      endsAt: NOW + length,
    });
    const leases = [
      window('second', 1_000),
      window('minute', 60_000),
      window('day', 24 * HOUR_MS),
      window('none', Infinity),
    ];
    const open = openJournal(dataDir, { clock });
    await begin(open, leases, [1, 0, 0, 0, 0, 0]);
    const leftAt = (time: number) => {
      now = time;
      const journal = openJournal(dataDir, { clock });
      return Object.keys(usedOf(journal.left));
    };
    expect(leftAt(NOW + 5_999)).toEqual(['second', 'minute', 'day', 'none']);
    expect(leftAt(NOW + 6_000)).toEqual(['minute', 'day', 'none']);
    expect(leftAt(NOW + 359_999)).toEqual(['minute', 'day', 'none']);
    expect(leftAt(NOW + 360_000)).toEqual(['day', 'none']);
    expect(leftAt(NOW + 25 * HOUR_MS - 1)).toEqual(['day', 'none']);
    expect(leftAt(NOW + 25 * HOUR_MS)).toEqual(['none']);
  });

  it('keeps a call that is open for longer than its window counts', async () => {
    let now = NOW;
    const settings = { clock: { now: () => now }, limits: { segmentBytes: 1 } };
    const journal = openJournal(dataDir, settings);
    const short = { ...lease('minute', 0, NOW), endsAt: NOW + 60_000 };
    const ticket = await begin(journal, [short, cost], [1, 0, 0, 0, 50, 0]);
    now += 2 * HOUR_MS;
    await begin(journal, [requests], [1, 0, 0, 0, 0, 0]);
    journal.end(ticket, [1, 0, 0, 0, 30, 0]);
    await begin(journal, [requests], [1, 0, 0, 0, 0, 0]);
    expect(usedOf(openJournal(dataDir, settings).left)).toEqual({ requests: 2, cost: 30 });
  });
});

describe('a journal that can’t be trusted', () => {
  /** Leaves a journal with one call; answers its file. */
  async function leave(boot = 'boot-1', isClosed = false): Promise<string> {
    const journal = openJournal(dataDir, { boot });
    await begin(journal, set, [1, 0, 0, 10, 0, 1]);
    if (isClosed) journal.close();
    return segmentsOf(dataDir, journal)[0]!;
  }

  function expectGivenUp(file: string, boot = 'boot-1'): void {
    const journal = openJournal(dataDir, { boot });
    const [holderId] = journal.abandoned as [string];
    expect(file).toContain(holderId);
    expect(journal.holderId).not.toBe(holderId);
    expect(journal.left).toEqual([]);
    // The next one continues the new holder, and still knows of the old one.
    const next = openJournal(dataDir, { boot });
    expect([next.holderId, next.abandoned]).toEqual([journal.holderId, [holderId]]);
  }

  it('is not continued after another boot, whose disk may have lost its end', async () => {
    expectGivenUp(await leave('boot-0'));
  });

  it('can be trusted after another boot when it was closed in order', async () => {
    await leave('boot-0', true);
    const file = await leave('boot-1');
    const twice = openJournal(dataDir, { boot: 'boot-1' });
    expect(usedOf(twice.left)).toEqual({ requests: 2, tokens: 20 });
    expect(twice.abandoned).toEqual([]);
    // That it was closed once says nothing about what came after.
    expectGivenUp(file, 'boot-2');
  });

  it('is not continued from a copy', async () => {
    const file = await leave();
    copyFileSync(file, `${file}.copy`);
    renameSync(`${file}.copy`, file);
    expectGivenUp(file);
  });

  it('is not continued when a byte of it is another', async () => {
    const file = await leave();
    const bytes = readFileSync(file);
    bytes[20]! ^= 1;
    writeFileSync(file, bytes);
    expectGivenUp(file);
  });

  it('is not continued when its segment is gone', async () => {
    const file = await leave();
    rmSync(file);
    expectGivenUp(file);
  });

  it('is not continued when it can’t be told which it is', async () => {
    const file = await leave();
    writeFileSync(join(dataDir, 'limits', 'current'), '../hld_');
    expectGivenUp(file);
  });

  it('is deleted when no window can count any more', async () => {
    const file = await leave('boot-0');
    const old = new Date(Date.now() - 41 * 24 * HOUR_MS);
    utimesSync(join(file, '..'), old, old);
    expect(openJournal(dataDir, { boot: 'boot-1' }).abandoned).toEqual([]);
    expect(() => statSync(file)).toThrow('ENOENT');
  });
});

describe('a closed journal', () => {
  it('has written the ends, and lets no call begin', async () => {
    const journal = openJournal(dataDir);
    const ticket = await begin(journal, set, [1, 0, 0, 10, 0, 1]);
    const waiting = begin(journal, [requests], [1, 0, 0, 0, 0, 0]);
    journal.end(ticket, [1, 0, 0, 4, 0, 1]);
    journal.close();
    journal.close();
    await waiting;
    expect(journal.isHealthy).toBe(false);
    journal.end(await waiting, [0, 0, 0, 0, 0, 0]);
    await expect(begin(journal, set, [1, 0, 0, 10, 0, 1])).rejects.toThrow(JournalUnavailableError);
    expect(usedOf(openJournal(dataDir).left)).toEqual({ requests: 2, tokens: 4 });
  });

  it('alarms nobody, also when it was just looking at the disk', async () => {
    const error = vi.fn();
    const logger = { info: vi.fn(), warn: vi.fn(), error } as unknown as Logger;
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const journal = openJournal(dataDir, { logger, limits: { checkIntervalMs: 1 } });
    vi.advanceTimersByTime(1);
    vi.useRealTimers();
    journal.close();
    await sleep(50);
    expect(error).not.toHaveBeenCalled();
  });
});
