import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { SystemClock } from '#common/time/clock.js';
import { createLogger } from '#platform/observability/logger.js';

import { usageRecord } from '../../../test/support/factories/usage-record.factory.js';
import { idsOfRows } from '../../../test/support/usage-lines.js';
import { SpoolUsageRecorder } from './spool-usage-recorder.js';
import { claimSpool, type SpoolPosition } from './spool/spool-folder.js';
import { SpoolReader } from './spool/spool-reader.js';
import { SpoolWriter } from './spool/spool-writer.js';
import type { UsageRecord } from './usage-record.js';
import { SpoolUnavailableError } from './usage.errors.js';

// Disks fail on no test's command.
vi.mock('node:fs', { spy: true });

/** Takes two writes: more than fit into the stage, so some are written before the turn ends. */
const MANY = 1_200;

function record(id: string): UsageRecord {
  return usageRecord({ id });
}

let dataDir: string;
let writer: SpoolWriter;
let recorder: SpoolUsageRecorder;
const write = vi.mocked(fs.writeSync);
const real = await vi.importActual<typeof fs>('node:fs');

beforeEach(() => {
  dataDir = fs.mkdtempSync(join(tmpdir(), 'recorder-'));
  const logger = createLogger('silent');
  writer = new SpoolWriter(claimSpool(dataDir), logger, new SystemClock());
  recorder = new SpoolUsageRecorder(writer, logger);
  write.mockClear();
});
afterEach(() => {
  write.mockReset();
  writer.close();
  fs.rmSync(dataDir, { recursive: true, force: true });
});

/** What the callers hear whose records are given within one turn. */
function recordTogether(ids: readonly string[]): Promise<(Error | null)[]> {
  return Promise.all(
    ids.map((id) => new Promise<Error | null>((resolve) => recorder.record(record(id), resolve))),
  );
}

const ids = (count: number, prefix: string): string[] =>
  Array.from({ length: count }, (_, index) => `req_${prefix}_${index}`);

async function idsOnDisk(): Promise<(string | null)[]> {
  const reader = new SpoolReader(claimSpool(dataDir), (segment) => segment >= writer.end.segment);
  const found: (string | null)[] = [];
  let position: SpoolPosition = { segment: 0, offset: 0 };
  for (;;) {
    const batch = await reader.read(position, 1_000);
    if (batch.to.segment === position.segment && batch.to.offset === position.offset) return found;
    position = batch.to;
    found.push(...idsOfRows(batch.lines.toRows(new Set())));
  }
}

/** Lets the write that is the `nth` from now take `bytes` bytes, and then fail. */
function failWrite(nth: number, bytes: number): void {
  let calls = 0;
  const fails = (file: number, buffer: Buffer, offset: number, length: number): number => {
    calls++;
    if (calls === nth && bytes > 0) return real.writeSync(file, buffer, offset, bytes);
    if (calls === nth || (calls === nth + 1 && bytes > 0)) throw new Error('ENOSPC');
    return real.writeSync(file, buffer, offset, length);
  };
  write.mockImplementation(fails as typeof fs.writeSync);
}

describe('SpoolUsageRecorder', () => {
  it('writes the records of one turn together, and has them on the disk before it says so', async () => {
    expect(await recordTogether(ids(3, 'a'))).toEqual([null, null, null]);
    expect(write).toHaveBeenCalledTimes(1);
    expect(await idsOnDisk()).toEqual(ids(3, 'a'));
    expect(writer.appended).toBe(3);
  });

  it('needs no record after its call', async () => {
    const mutable = { ...record('req_a') };
    const heard = new Promise((resolve) => recorder.record(mutable, resolve));
    mutable.id = 'req_b';
    expect(await heard).toBeNull();
    expect(await idsOnDisk()).toEqual(['req_a']);
  });

  it('writes early what does not fit, in order, each once', async () => {
    const heard = await recordTogether(ids(MANY, 'a'));
    expect(heard.every((error) => error === null)).toBe(true);
    expect(write).toHaveBeenCalledTimes(2);
    expect(await idsOnDisk()).toEqual(ids(MANY, 'a'));
    expect(writer.appended).toBe(MANY);
  });

  it.each([
    { title: 'an early write', nth: 1, bytes: 0 },
    { title: 'an early write half way', nth: 1, bytes: 1_000 },
    { title: 'the last write', nth: 2, bytes: 0 },
    { title: 'the last write half way', nth: 2, bytes: 1_000 },
  ])(
    'tells every caller of a turn when $title fails, and goes on with the next',
    async (failing) => {
      expect(await recordTogether(ids(1, 'before'))).toEqual([null]);
      failWrite(failing.nth, failing.bytes);
      const heard = await recordTogether(ids(MANY, 'refused'));
      expect(heard.every((error) => error instanceof SpoolUnavailableError)).toBe(true);
      expect(recorder.isHealthy).toBe(false);
      expect(writer.appended).toBe(1);

      expect(await recordTogether(ids(2, 'after'))).toEqual([null, null]);
      const found = await idsOnDisk();
      expect(found[0]).toBe('req_before_0');
      expect(found.slice(-2)).toEqual(ids(2, 'after'));
      // What was written before the failure may stay: it errs on the side of having been counted, and only once.
      const refused = found.slice(1, -2);
      expect(refused).toEqual(ids(refused.length, 'refused'));
      expect(refused.length).toBeLessThan(MANY);
      expect(writer.appended).toBe(3);
    },
  );

  it('refuses the callers of a turn with a record that can’t be written down, and no others', async () => {
    const broken = { ...record('req_b'), caller: undefined } as unknown as UsageRecord;
    const heard = recordTogether(['req_a']);
    const refused = new Promise((resolve) => recorder.record(broken, resolve));
    expect(await refused).toBeInstanceOf(SpoolUnavailableError);
    expect((await heard)[0]).toBeInstanceOf(SpoolUnavailableError);
    expect(await recordTogether(['req_c'])).toEqual([null]);
    expect(await idsOnDisk()).toEqual(['req_c']);
  });

  it('writes at once what is staged when the process shuts down', () => {
    const heard: (Error | null)[] = [];
    recorder.record(record('req_a'), (error) => heard.push(error));
    recorder.onApplicationShutdown();
    expect(heard).toEqual([null]);
    expect(writer.appended).toBe(1);
  });

  it('tells all others when one caller throws, and takes what they record while they are told', async () => {
    const heard: string[] = [];
    await new Promise<void>((resolve) => {
      recorder.record(record('req_a'), () => {
        throw new Error('broken promise');
      });
      recorder.record(record('req_b'), () => {
        heard.push('req_b');
        recorder.record(record('req_c'), () => resolve(void heard.push('req_c')));
      });
    });
    expect(heard).toEqual(['req_b', 'req_c']);
    expect(await idsOnDisk()).toEqual(['req_a', 'req_b', 'req_c']);
  });
});
