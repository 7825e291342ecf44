import type * as Fs from 'node:fs';
import {
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import {
  begin,
  lease,
  openJournal,
  segmentsOf,
  usedOf,
} from '../../../../test/support/call-journal.js';
import type { CallJournal } from './call-journal.js';
import { JournalUnavailableError } from './journal.errors.js';

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof Fs>();
  return { ...fs, writeSync: vi.fn(fs.writeSync), renameSync: vi.fn(fs.renameSync) };
});

const { writeSync: realWrite } = await vi.importActual<typeof Fs>('node:fs');

const requests = lease('requests', 0);
const tokens = lease('tokens', 3);
const set = [requests, tokens];
const call = [1, 0, 0, 10, 0, 0];

let dataDir: string;
beforeEach(() => {
  vi.resetAllMocks();
  dataDir = mkdtempSync(join(tmpdir(), 'journal-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** Has the next write take so many bytes, and the one after fail. */
function fillDiskAfter(bytes: number): void {
  const mock = vi.mocked(writeSync);
  if (bytes > 0) {
    mock.mockImplementationOnce((file, buffer) =>
      realWrite(file, buffer as unknown as Buffer, 0, bytes),
    );
  }
  mock.mockImplementationOnce(() => {
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  });
}

function beginAll(journal: CallJournal, count: number): Promise<PromiseSettledResult<number>[]> {
  return Promise.allSettled(Array.from({ length: count }, () => begin(journal, set, call)));
}

describe('a turn of the event loop', () => {
  it('has all its beginnings, and the ends before, written by one write', async () => {
    const journal = openJournal(dataDir);
    await begin(journal, set, call);
    vi.mocked(writeSync).mockClear();
    journal.end(1, call);
    await beginAll(journal, 10);
    expect(writeSync).toHaveBeenCalledTimes(1);
  });

  it('may have more calls than one write takes', async () => {
    const journal = openJournal(dataDir);
    await beginAll(journal, 10_000);
    expect(usedOf(openJournal(dataDir).left)).toEqual({ requests: 10_000, tokens: 100_000 });
  });
});

describe('a write that fails', () => {
  it.each([0, 1, 5, 20, 35])('after %i bytes refuses all calls of its turn', async (bytes) => {
    const journal = openJournal(dataDir);
    await begin(journal, set, call);
    fillDiskAfter(bytes);
    for (const { status } of await beginAll(journal, 3)) expect(status).toBe('rejected');
    expect(journal.isHealthy).toBe(false);
    // What follows a torn block would be lost, so nothing does.
    await expect(begin(journal, set, call)).rejects.toThrow(JournalUnavailableError);
    expect(usedOf(openJournal(dataDir).left)).toEqual({ requests: 1, tokens: 10 });
  });

  it('refuses all calls of a turn of which a part was written before', async () => {
    const journal = openJournal(dataDir);
    vi.mocked(writeSync).mockImplementationOnce(realWrite);
    fillDiskAfter(0);
    const results = await beginAll(journal, 10_000);
    expect(results.filter(({ status }) => status === 'fulfilled')).toEqual([]);
    expect(usedOf(openJournal(dataDir).left)).toEqual({});
  });

  it('is made up for by the next segment, which knows all that was not refused', async () => {
    const journal = openJournal(dataDir, { limits: { checkIntervalMs: 5 } });
    const [first, second] = [await begin(journal, set, call), await begin(journal, set, call)];
    fillDiskAfter(20);
    journal.end(first, [1, 0, 0, 3, 0, 0]);
    await beginAll(journal, 3);
    journal.end(second, [1, 0, 0, 4, 0, 0]);
    await vi.waitFor(() => expect(journal.isHealthy).toBe(true));
    expect(segmentsOf(dataDir, journal)).toHaveLength(1);
    await begin(journal, [...set], call);
    journal.close();
    expect(usedOf(openJournal(dataDir).left)).toEqual({ requests: 3, tokens: 17 });
  });

  it('is seen also when only ends were to be written', async () => {
    const journal = openJournal(dataDir, { limits: { endDelayMs: 1 } });
    const ticket = await begin(journal, set, call);
    fillDiskAfter(0);
    journal.end(ticket, [1, 0, 0, 3, 0, 0]);
    await vi.waitFor(() => expect(journal.isHealthy).toBe(false));
  });
});

describe('a segment that can’t be followed by the next', () => {
  it('is used on, and followed later', async () => {
    const journal = openJournal(dataDir, { limits: { segmentBytes: 1, checkIntervalMs: 20 } });
    vi.mocked(renameSync).mockImplementationOnce(() => {
      throw new Error('read-only file system');
    });
    const [before] = segmentsOf(dataDir, journal);
    await beginAll(journal, 20);
    expect(journal.isHealthy).toBe(false);
    await begin(journal, set, call);
    await vi.waitFor(() => expect(journal.isHealthy).toBe(true));
    await begin(journal, set, call);
    expect(segmentsOf(dataDir, journal)).toHaveLength(1);
    expect(segmentsOf(dataDir, journal)).not.toContain(before);
    journal.close();
    expect(usedOf(openJournal(dataDir).left)).toEqual({ requests: 22, tokens: 220 });
  });

  it('loses nothing to a crash beside what is left of the next', async () => {
    const journal = openJournal(dataDir, { limits: { segmentBytes: 1 } });
    const ticket = await begin(journal, set, call);
    vi.mocked(renameSync).mockImplementationOnce(() => {
      throw new Error('read-only file system');
    });
    journal.end(ticket, [1, 0, 0, 3, 0, 0]);
    await beginAll(journal, 20);
    expect(segmentsOf(dataDir, journal).map((path) => path.slice(-4))).toEqual(['.log', '.new']);
    const successor = openJournal(dataDir);
    expect(usedOf(successor.left)).toEqual({ requests: 21, tokens: 203 });
    expect(segmentsOf(dataDir, successor)).toHaveLength(1);
  });
});

describe('the journal’s health', () => {
  it('is lost with the free disk, before a write fails', async () => {
    const limits = { minFreeBytes: Number.MAX_SAFE_INTEGER, checkIntervalMs: 5 };
    const journal = openJournal(dataDir, { limits });
    await vi.waitFor(() => expect(journal.isHealthy).toBe(false));
    await begin(journal, set, call);
    journal.close();
  });

  it('comes back with a new segment when the live one was deleted', async () => {
    const journal = openJournal(dataDir, { limits: { checkIntervalMs: 5 } });
    await begin(journal, set, call);
    const [segment] = segmentsOf(dataDir, journal) as [string];
    unlinkSync(segment);
    await vi.waitFor(() => expect(segmentsOf(dataDir, journal)).toHaveLength(1));
    await vi.waitFor(() => expect(journal.isHealthy).toBe(true));
    await begin(journal, set, call);
    journal.close();
    expect(usedOf(openJournal(dataDir).left)).toEqual({ requests: 2, tokens: 20 });
  });

  it('is lost when the folder is gone', async () => {
    const journal = openJournal(dataDir, { limits: { checkIntervalMs: 5 } });
    rmSync(join(dataDir, 'limits'), { recursive: true });
    await vi.waitFor(() => expect(journal.isHealthy).toBe(false));
    await expect(begin(journal, set, call)).rejects.toThrow(JournalUnavailableError);
    journal.close();
    expect(readdirSync(dataDir)).toEqual([]);
  });
});

it('keeps its files from other users', async () => {
  const journal = openJournal(dataDir);
  const paths = [join(dataDir, 'limits'), ...segmentsOf(dataDir, journal)];
  await begin(journal, set, call);
  expect(paths.map((path) => statSync(path).mode & 0o077)).toEqual([0, 0]);
});
