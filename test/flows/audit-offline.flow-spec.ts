import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { verifyFiles } from '#modules/audit/index.js';

import { exportedOf, type ExportedEntry } from '../../src/modules/audit/domain/exported-entry.js';
import {
  ENTRY_COLUMNS,
  entryOf,
  type EntryRow,
} from '../../src/modules/audit/trail/audit-entry.row.js';
import { type AuditLog, openAuditLog } from '../support/audit-log.js';

const ORGANIZATION = 'org_offline';
const ENTRIES = 30;
const MIDDLE = 20;

let log: AuditLog;
let folder: string;
let checkpoints: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-audit-'));
  checkpoints = join(folder, 'checkpoints');
  log = await openAuditLog(checkpoints);
  for (let n = 1; n <= ENTRIES; n++) {
    await log.append(ORGANIZATION, `${n}`);
    if (n === MIDDLE) await log.checkpoints.makeNow(ORGANIZATION);
  }
  await log.checkpoints.makeNow(ORGANIZATION);
});
afterAll(async () => {
  await log.close();
  await rm(folder, { recursive: true });
});

async function entriesOf(includePii: boolean): Promise<ExportedEntry[]> {
  const rows = await log.sql<EntryRow>(
    `SELECT ${ENTRY_COLUMNS} FROM audit_entries WHERE organization_id = $1 ORDER BY sequence`,
    [ORGANIZATION],
  );
  return rows.map((row) => exportedOf(entryOf(row), includePii));
}

async function verify(entries: readonly ExportedEntry[], part = false, publicKey = log.publicKey) {
  const file = join(folder, 'export.ndjson');
  await writeFile(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  return verifyFiles({ export: file, checkpoints, publicKey, part });
}

describe('an export', () => {
  it.each([true, false])('verifies, with personal data or without (%s)', async (includePii) => {
    const { isValid, text } = await verify(await entriesOf(includePii));
    expect(text).toContain('30 entries were verified, from 1 to 30.');
    expect(text).toContain('Checkpoints vouch for 30 of them.');
    expect(isValid).toBe(true);
  });

  it('is valid as JSON with an entry a line', async () => {
    const file = join(folder, 'export.json');
    const lines = (await entriesOf(true)).map((entry) => JSON.stringify(entry));
    await writeFile(file, `[\n${lines.join(',\n')}\n]\n`);
    const report = await verifyFiles({ export: file, checkpoints, publicKey: log.publicKey });
    expect(report.isValid).toBe(true);
  });

  it('of a part says what nobody vouches for', async () => {
    const part = (await entriesOf(true)).slice(4, 25).filter(({ sequence }) => sequence !== 10);
    const { isValid, text } = await verify(part, true);
    expect(text).toContain('20 entries were verified, from 5 to 25.');
    expect(text).toContain('its link to that was not checked');
    expect(text).toContain('1 entries between them are not in the export.');
    expect(text).toContain('Checkpoints vouch for 10 of them.');
    expect(isValid).toBe(true);
    const beyond = await verify((await entriesOf(true)).slice(22, 25), true);
    expect(beyond.isValid).toBe(false);
  });

  type Tamper = (entries: ExportedEntry[]) => ExportedEntry[];
  const change =
    (at: number, fields: Partial<ExportedEntry>): Tamper =>
    (entries) =>
      entries.map((entry) => (entry.sequence === at ? { ...entry, ...fields } : entry));
  it.each<[string, string, Tamper]>([
    ['edited', 'hash_mismatch at 7', change(7, { reason: 'because' })],
    ['moved in time', 'hash_mismatch at 8', change(8, { timestamp: '2026-01-01T00:00:00.000Z' })],
    ['of another address', 'personal_mismatch at 9', change(9, { ip_address: '198.51.100.9' })],
    [
      'of no address',
      'personal_mismatch at 9',
      change(9, { personal: {}, ip_address: null, user_agent: null }),
    ],
    ['with one less', 'missing at 12', (all) => all.filter(({ sequence }) => sequence !== 12)],
    ['with one twice', 'out_of_place at 3', (all) => [...all.slice(0, 3), ...all.slice(2)]],
    ['without its beginning', 'missing at 1', (all) => all.slice(1)],
    ['without its end', 'missing at 28', (all) => all.slice(0, 27)],
  ])('%s is found: %s', async (_, finding, tamper) => {
    const { isValid, text } = await verify(tamper(await entriesOf(true)));
    expect(text).toContain(`INVALID: ${finding}`);
    expect(isValid).toBe(false);
  });

  it('is not valid by checkpoints of another installation, or that were changed', async () => {
    const other = await openAuditLog();
    const foreign = await verify(await entriesOf(true), false, other.publicKey);
    await other.close();
    expect(foreign.text).toContain('INVALID: checkpoint_signature');
    const notes = await readFile(checkpoints, 'utf8');
    await writeFile(checkpoints, notes.replace(`\n${MIDDLE}\n`, `\n${MIDDLE + 1}\n`));
    const forged = await verify(await entriesOf(true));
    await writeFile(checkpoints, notes);
    expect(forged.text).toContain(`INVALID: checkpoint_signature at ${MIDDLE + 1}`);
  });
});
