import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { verifyFiles } from '#modules/audit/index.js';

import { parseCheckpoints } from '../../src/modules/audit/domain/checkpoint-note.js';
import { exportedOf } from '../../src/modules/audit/domain/exported-entry.js';
import {
  ENTRY_COLUMNS,
  entryOf,
  type EntryRow,
} from '../../src/modules/audit/trail/audit-entry.row.js';
import { type AuditLog, openAuditLog } from '../support/audit-log.js';
import { DAY_MS, removalsOf } from '../support/audit-retention.js';

const SEGMENT = 5;

let log: AuditLog;
let folder: string;
let checkpointFile: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-retention-'));
  checkpointFile = join(folder, 'checkpoints');
  log = await openAuditLog(checkpointFile);
});
afterAll(async () => {
  await log.close();
  await rm(folder, { recursive: true });
});

/** A stretch that ends with a checkpoint, of so many entries, and one of each key that is named. */
async function segment(organizationId: string, ...keyIds: string[]): Promise<void> {
  for (let n = keyIds.length; n < SEGMENT; n++) await log.append(organizationId, `${n}`);
  for (const keyId of keyIds) await log.append(organizationId, keyId, { keyId });
  await log.checkpoints.makeNow(organizationId);
}

async function entriesOf(organizationId: string) {
  const rows = await log.sql<EntryRow>(
    `SELECT ${ENTRY_COLUMNS} FROM audit_entries WHERE organization_id = $1 ORDER BY sequence NULLS LAST, position`,
    [organizationId],
  );
  return rows.map(entryOf);
}

async function placesOf(organizationId: string): Promise<(number | null)[]> {
  return (await entriesOf(organizationId)).map(({ sequence }) => sequence);
}

async function cutsOf(organizationId: string): Promise<(number | null)[][]> {
  const rows = await log.sql<{ note: string }>(
    'SELECT note FROM audit_checkpoints WHERE organization_id = $1 AND is_cut ORDER BY size',
    [organizationId],
  );
  return rows
    .flatMap(({ note }) => parseCheckpoints(note))
    .map(({ removedAfter, size }) => [removedAfter?.size ?? null, size]);
}

async function findingOf(organizationId: string, outside = '') {
  return (await log.verifying.verify(organizationId, outside)).firstInvalid;
}

async function exportOf(organizationId: string): Promise<string> {
  const entries = await entriesOf(organizationId);
  return entries.map((stored) => `${JSON.stringify(exportedOf(stored, false))}\n`).join('');
}

/** Of this log, of all that were published. */
async function notesOf(organizationId: string): Promise<string> {
  const own = `latchkey.audit/${organizationId}\n`;
  const notes = (await readFile(checkpointFile, 'utf8')).split(/\n(?=latchkey\.audit\/)/);
  return notes.filter((note) => note.startsWith(own)).join('\n');
}

async function verifyOffline(text: string, part = false) {
  const file = join(folder, 'export.ndjson');
  await writeFile(file, text);
  return verifyFiles({ export: file, checkpoints: checkpointFile, publicKey: log.publicKey, part });
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('entries whose time is over', () => {
  it('are removed in whole segments, with a signed cut and an entry that says so', async () => {
    const organizationId = 'org_prefix';
    const removals = removalsOf(log);
    await segment(organizationId);
    await segment(organizationId);
    const before = await exportOf(organizationId);
    log.advance(60 * DAY_MS);
    await segment(organizationId);
    await removals.run();
    log.advance(40 * DAY_MS);
    await log.append(organizationId, 'not sealed');
    await removals.run();
    expect(await placesOf(organizationId)).toEqual([...range(11, 15), null, null]);
    const removed = (await entriesOf(organizationId)).at(-1)?.entry;
    expect(removed).toMatchObject({
      action: 'audit_entries.removed',
      actorType: 'job',
      actorId: 'audit-retention.remove',
      details: { count: 10, first_sequence: 1, last_sequence: 10, retention_days: 90 },
    });
    expect(await cutsOf(organizationId)).toEqual([[0, 10]]);
    expect(await findingOf(organizationId)).toBeNull();
    expect(await findingOf(organizationId, await notesOf(organizationId))).toBeNull();
    const whole = await verifyOffline(await exportOf(organizationId));
    expect(whole.text).toContain('10 more had been removed when their time was over');
    expect(whole.isValid).toBe(true);
    const earlier = await verifyOffline(before, true);
    expect(earlier.text).toContain('10 entries were verified, from 1 to 10.');
    expect(earlier.isValid).toBe(true);
  });

  it('leave those of a key that are kept for longer, wherever they stand', async () => {
    const organizationId = 'org_middle';
    const removals = removalsOf(log, { days: 90, keys: { key_long: 365 } });
    await removals.giveNotice();
    await segment(organizationId);
    await segment(organizationId, 'key_long');
    await segment(organizationId);
    await segment(organizationId);
    await segment(organizationId, 'key_long');
    await removals.giveNotice();
    log.advance(91 * DAY_MS);
    await removals.run();
    await log.checkpoints.makeNow(organizationId);
    expect(await cutsOf(organizationId)).toEqual([
      [0, 5],
      [10, 20],
    ]);
    expect(await placesOf(organizationId)).toEqual([...range(6, 10), ...range(21, 27)]);
    expect(await findingOf(organizationId)).toBeNull();
    expect((await verifyOffline(await exportOf(organizationId))).text).toContain(
      '15 more had been removed',
    );
    log.advance(300 * DAY_MS);
    await removals.run();
    expect(await cutsOf(organizationId)).toEqual([
      [0, 5],
      [0, 10],
      [10, 20],
      [10, 27],
    ]);
    expect(await findingOf(organizationId)).toBeNull();
  });

  it('wait for a week where they were to be kept for longer before', async () => {
    const organizationId = 'org_shorter';
    const removals = removalsOf(log, { days: 365, keys: { key_long: 3_000 } });
    await segment(organizationId);
    await segment(organizationId, 'key_long');
    await removals.giveNotice();
    await removals.run();
    log.advance(100 * DAY_MS);
    removals.wanted.days = 30;
    removals.wanted.keys = {};
    await removals.run();
    log.advance(7 * DAY_MS - 1);
    await removals.run();
    expect(await placesOf(organizationId)).toEqual(range(1, 10));
    log.advance(1);
    await removals.run();
    expect(await placesOf(organizationId)).toEqual([null]);
    expect(await findingOf(organizationId)).toBeNull();
  });

  it('go in batches, and all that is left of a log is its end', async () => {
    const organizationId = 'org_batches';
    const removals = removalsOf(log);
    for (let n = 0; n < 6; n++) await segment(organizationId);
    await removals.giveNotice();
    log.advance(91 * DAY_MS);
    await removals.run(10);
    expect(await cutsOf(organizationId)).toEqual([
      [0, 10],
      [0, 20],
      [0, 30],
    ]);
    await log.checkpoints.makeNow(organizationId);
    expect(await placesOf(organizationId)).toEqual([31, 32, 33]);
    expect(await findingOf(organizationId)).toBeNull();
  });

  it('stay where they do not verify any more', async () => {
    const organizationId = 'org_evidence';
    const removals = removalsOf(log);
    for (let n = 0; n < 3; n++) await segment(organizationId);
    await log.sql(
      `UPDATE audit_entries SET reason = 'none of ours' WHERE organization_id = $1 AND sequence = 7`,
      [organizationId],
    );
    await removals.giveNotice();
    log.advance(91 * DAY_MS);
    await removals.run();
    expect(await placesOf(organizationId)).toEqual([...range(6, 10), null, null]);
    expect(await findingOf(organizationId)).toMatchObject({ sequence: 7, reason: 'mac_mismatch' });
  });

  it('go once, with two workers at it, and a verification beside them finds nothing wrong', async () => {
    const organizationId = 'org_busy';
    for (let n = 0; n < 40; n++) await segment(organizationId);
    const workers = [removalsOf(log), removalsOf(log)];
    await workers[0]?.giveNotice();
    log.advance(91 * DAY_MS);
    let isDone = false;
    const removing = Promise.all(workers.map((one) => one.run(10))).finally(() => (isDone = true));
    const findings = [];
    while (!isDone) findings.push(await findingOf(organizationId));
    await removing;
    findings.push(await findingOf(organizationId));
    expect(new Set(findings)).toEqual(new Set([null]));
    const left = await entriesOf(organizationId);
    const counts = left.map(({ entry }) => Number(entry.details.count));
    expect(left.every(({ entry }) => entry.action === 'audit_entries.removed')).toBe(true);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(200);
  });
});
