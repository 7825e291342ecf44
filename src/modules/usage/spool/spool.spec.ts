import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { SystemClock } from '#common/time/clock.js';
import { createLogger } from '#platform/observability/logger.js';

import { usageRecord } from '../../../../test/support/factories/usage-record.factory.js';
import { idsOfRows } from '../../../../test/support/usage-lines.js';
import type { UsageRecord } from '../usage-record.js';
import { NotASpoolError, SpoolUnavailableError } from '../usage.errors.js';
import { claimSpool, findSpools, segmentPath, type SpoolPosition } from './spool-folder.js';
import { SpoolReader } from './spool-reader.js';
import { SPOOL_LIMITS, SpoolWriter } from './spool-writer.js';

const BEGINNING: SpoolPosition = { segment: 0, offset: 0 };

function record(id: string): UsageRecord {
  return usageRecord({ id, occurredAtMs: 1_763_700_200_123, surface: 'embeddings' });
}

let dataDir: string;
beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), 'spool-'))));
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

function openWriter(limits = {}): SpoolWriter {
  const all = { ...SPOOL_LIMITS, ...limits };
  return new SpoolWriter(claimSpool(dataDir), createLogger('silent'), new SystemClock(), all);
}

/** Reads all there is, in batches of `size`. */
async function readAll(writer: SpoolWriter | null, size = 1_000) {
  const reader = new SpoolReader(
    claimSpool(dataDir),
    (segment) => writer !== null && segment >= writer.end.segment,
  );
  const ids: (string | null)[] = [];
  const faults: string[] = [];
  let position = BEGINNING;
  for (;;) {
    const batch = await reader.read(position, size);
    expect(batch.lines.length).toBeLessThanOrEqual(size);
    ids.push(...idsOfRows(batch.lines.toRows(new Set())));
    faults.push(...batch.faults.map(({ kind, bytes }) => `${kind} ${bytes.length}`));
    if (batch.to.segment === position.segment && batch.to.offset === position.offset) break;
    position = batch.to;
  }
  return { ids, faults, position };
}

const ids = (count: number, prefix = 'req_'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

describe('SpoolWriter and SpoolReader', () => {
  it('give back all records in order, over segments and batches', async () => {
    const writer = openWriter({ segmentBytes: 600 });
    for (const id of ids(50)) writer.append(record(id));
    expect(readdirSync(claimSpool(dataDir).directory).length).toBeGreaterThan(8);
    expect(await readAll(writer, 7)).toEqual({ ids: ids(50), faults: [], position: writer.end });
  });

  it('never write to a segment of a predecessor, and keep the spool’s id', async () => {
    const first = openWriter();
    first.append(record('req_a'));
    const second = openWriter();
    second.append(record('req_b'));
    expect(second.end.segment).toBeGreaterThan(first.end.segment);
    expect((await readAll(second)).ids).toEqual(['req_a', 'req_b']);
  });

  it('number segments upwards over starts even when all files are gone', () => {
    const first = openWriter().end.segment;
    const { directory } = claimSpool(dataDir);
    for (const name of readdirSync(directory))
      if (name.endsWith('.log')) unlinkSync(join(directory, name));
    vi.useFakeTimers({ now: Date.now() + 2_000 });
    try {
      expect(openWriter().end.segment).toBeGreaterThan(first);
    } finally {
      vi.useRealTimers();
    }
  });

  it('leave an unfinished last line of the live segment alone until its end is there', async () => {
    const writer = openWriter();
    writer.append(record('req_a'));
    const file = segmentPath(claimSpool(dataDir).directory, writer.end.segment);
    const line = readFileSync(file);
    appendFileSync(file, line.subarray(0, 40));
    expect(await readAll(writer)).toEqual({ ids: ['req_a'], faults: [], position: writer.end });
    appendFileSync(file, line.subarray(40));
    expect((await readAll(writer)).ids).toEqual(['req_a', 'req_a']);
  });

  it('skip and report the torn last line of a closed segment', async () => {
    const dead = openWriter();
    dead.append(record('req_a'));
    appendFileSync(
      segmentPath(claimSpool(dataDir).directory, dead.end.segment),
      'deadbeef {"v":1,',
    );
    const writer = openWriter();
    writer.append(record('req_b'));
    const { ids: read, faults } = await readAll(writer);
    expect(read).toEqual(['req_a', 'req_b']);
    expect(faults).toEqual(['torn 16']);
  });

  it('skip blank lines, and report damage in the middle without losing its neighbours', async () => {
    const writer = openWriter();
    for (const id of ids(3)) writer.append(record(id));
    const file = segmentPath(claimSpool(dataDir).directory, writer.end.segment);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    lines[1] = (lines[1] as string).replace('embeddings', 'embeddingz');
    writeFileSync(file, `\n   \n${lines.join('\n\n')}\n`);
    const { ids: read, faults } = await readAll(null);
    expect(read).toEqual(['req_0', 'req_2']);
    expect(faults).toEqual([`corrupt ${lines[1].length}`]);
  });

  it('find each record and each fault once, whatever the batches’ size', async () => {
    const writer = openWriter();
    for (const id of ids(20)) writer.append(record(id));
    const file = segmentPath(claimSpool(dataDir).directory, writer.end.segment);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    const damaged = lines.flatMap((line, index) => {
      if (index % 5 === 1) return [line.replace('embeddings', 'embeddingz')];
      return index % 5 === 3 ? ['', line, '  '] : [line];
    });
    writeFileSync(file, `${damaged.join('\n')}\n${lines[0]!.slice(0, 60)}`);
    const whole = ids(20).filter((_, index) => index % 5 !== 1);
    for (const size of [1, 2, 3, 5, 7, 1_000]) {
      const { ids: read, faults } = await readAll(null, size);
      expect(read).toEqual(whole);
      expect(faults.map((fault) => fault.split(' ')[0])).toEqual([
        ...Array.from({ length: 4 }, () => 'corrupt'),
        'torn',
      ]);
    }
  });

  it('get past damage that is longer than a batch', async () => {
    const { directory } = claimSpool(dataDir);
    writeFileSync(segmentPath(directory, 1), Buffer.alloc(3 * 1024 * 1024));
    const writer = openWriter();
    writer.append(record('req_a'));
    const { ids: read, faults } = await readAll(writer);
    expect(read).toEqual(['req_a']);
    expect(faults.map((fault) => Number(fault.split(' ')[1])).reduce((a, b) => a + b)).toBe(
      3 * 1024 * 1024,
    );
  });
});

describe('the spool’s health', () => {
  it('is lost when too much waits to be shipped, and comes back with shipping', () => {
    const writer = openWriter({ maxUnshippedBytes: 1_000 });
    while (writer.isHealthy) writer.append(record('req_a'));
    expect(writer.unshippedBytes).toBeGreaterThan(1_000);
    // What runs already is still written down.
    writer.append(record('req_b'));
    const { end } = writer;
    writer.markShipped({ segment: end.segment, offset: end.offset - 10 }, null);
    expect(writer.isHealthy).toBe(true);
    expect(writer.unshippedBytes).toBe(10);
    expect(writer.oldestUnshippedMs).not.toBeNull();
    writer.markShipped(end, null);
    expect(writer.oldestUnshippedMs).toBeNull();
  });

  it('counts what a predecessor left', () => {
    const first = openWriter();
    first.append(record('req_a'));
    const second = openWriter();
    expect(second.unshippedBytes).toBe(first.end.offset);
    expect(second.markShipped(second.end, null)).toEqual([first.end.segment]);
    expect(second.unshippedBytes).toBe(0);
  });

  it('is lost with the free disk, before a write fails', async () => {
    const writer = openWriter({ minFreeBytes: Number.MAX_SAFE_INTEGER, checkIntervalMs: 5 });
    await vi.waitFor(() => expect(writer.isHealthy).toBe(false));
    writer.append(record('req_a'));
    writer.close();
  });

  it('recovers into a new segment when the live one was deleted', async () => {
    const writer = openWriter({ checkIntervalMs: 5 });
    const { directory } = claimSpool(dataDir);
    const { segment } = writer.end;
    unlinkSync(segmentPath(directory, segment));
    await vi.waitFor(() => expect(writer.end.segment).toBe(segment + 1));
    await vi.waitFor(() => expect(writer.isHealthy).toBe(true));
    writer.append(record('req_a'));
    expect((await readAll(writer)).ids).toEqual(['req_a']);
    writer.close();
  });

  it('is lost, with a typed error, when the folder is gone', async () => {
    const writer = openWriter({ checkIntervalMs: 5, segmentBytes: 1 });
    writer.append(record('req_a'));
    rmSync(claimSpool(dataDir).directory, { recursive: true });
    await vi.waitFor(() => expect(writer.isHealthy).toBe(false));
    await vi.waitFor(() =>
      expect(() => writer.append(record('req_b'))).toThrow(SpoolUnavailableError),
    );
    writer.close();
  });
});

describe('findSpools', () => {
  it('takes a spool, its parent or the data folder, and refuses anything else', () => {
    const spool = claimSpool(dataDir);
    expect(findSpools(spool.directory)).toEqual([spool]);
    expect(findSpools(join(dataDir, 'usage-spool'))).toEqual([spool]);
    expect(findSpools(dataDir)).toEqual([spool]);
    const other = join(dataDir, 'other');
    mkdirSync(join(other, 'folder'), { recursive: true });
    expect(() => findSpools(other)).toThrow(NotASpoolError);
    expect(() => findSpools(join(dataDir, 'nothing'))).toThrow(NotASpoolError);
  });
});
