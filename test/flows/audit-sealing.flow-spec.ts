import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { canonicalText, coveredOf } from '../../src/modules/audit/domain/audit-entry.js';
import {
  ENTRY_COLUMNS,
  entryOf,
  type EntryRow,
} from '../../src/modules/audit/trail/audit-entry.row.js';
import { type AuditLog, openAuditLog } from '../support/audit-log.js';

let log: AuditLog;
beforeAll(async () => (log = await openAuditLog()));
afterAll(() => log.close());

async function chainOf(organizationId: string) {
  const rows = await log.sql<EntryRow>(
    `SELECT ${ENTRY_COLUMNS} FROM audit_entries WHERE organization_id = $1 ORDER BY sequence`,
    [organizationId],
  );
  return rows.map(entryOf);
}

const sha256 = (...parts: (Buffer | string)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

describe('sealing', () => {
  it('makes of each organization’s entries a chain of the documented bytes', async () => {
    for (const name of ['a', 'b', 'c']) await log.append('org_bytes', name);
    await log.append('org_bytes2', 'a');
    await log.sealAll();
    let previous = sha256('latchkey/audit-chain/v1\norg_bytes\n');
    const chain = await chainOf('org_bytes');
    expect(chain.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    for (const { entry, sequence, previousHash, hash } of chain) {
      const place = Buffer.from((sequence ?? 0).toString(16).padStart(16, '0'), 'hex');
      const leaf = sha256('\x00', canonicalText(coveredOf(entry)));
      expect(previousHash?.equals(previous)).toBe(true);
      previous = sha256('\x01', previous, place, leaf);
      expect(hash?.equals(previous)).toBe(true);
    }
    expect((await chainOf('org_bytes2')).map(({ sequence }) => sequence)).toEqual([1]);
  });

  it('goes on where it ended, and leaves no gap and no entry out, with four sealers at once and writers beside them', async () => {
    const writing = Array.from({ length: 5 }, async (_, writer) => {
      for (let n = 0; n < 60; n++) await log.append('org_busy', `${writer}-${n}`);
    });
    const done = Promise.all(writing);
    for (let round = 0; round < 10; round++) {
      await Promise.all([log.sealAll(), log.sealAll(), log.sealAll(), log.sealAll()]);
    }
    await done;
    await log.sealAll();
    const chain = await chainOf('org_busy');
    expect(chain.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 300 }, (_, index) => index + 1),
    );
    for (const [index, { previousHash }] of chain.entries()) {
      if (index > 0) expect(previousHash).toEqual(chain[index - 1]?.hash);
    }
  });

  it('holds no more than 4 MiB of facts, and an entry, in memory', async () => {
    const facts = { text: Array.from({ length: 8_000 }, (_, at) => `w${at}`).join(' ') };
    for (let n = 0; n < 100; n++) {
      await log.append('org_large', `${n}`, { before: facts, after: facts });
    }
    await log.sealing.sealOrganization('org_large');
    const transactions = await log.sql<{ count: number; bytes: number }>(
      `SELECT count(*)::integer AS count, sum(octet_length(before::text) + octet_length(after::text))::integer AS bytes
         FROM audit_entries WHERE organization_id = 'org_large' AND sequence IS NOT NULL GROUP BY xmin::text`,
    );
    expect(transactions.reduce((sum, { count }) => sum + count, 0)).toBe(100);
    const size = JSON.stringify(facts).length * 2;
    for (const { bytes } of transactions) expect(bytes).toBeLessThan(4 * 1024 * 1024 + 1.1 * size);
  });

  it('waits for no writer, and takes what one commits late', async () => {
    let commit = (): void => undefined;
    const committed = new Promise<void>((resolve) => (commit = resolve));
    let written = (): void => undefined;
    const isWritten = new Promise<void>((resolve) => (written = resolve));
    const late = log.transactions.run(async () => {
      await log.append('org_late', 'first');
      written();
      await committed;
    });
    await isWritten;
    await log.append('org_late', 'second');
    await log.sealAll();
    expect((await chainOf('org_late')).map(({ entry }) => entry.targetId)).toEqual(['key_second']);
    commit();
    await late;
    await log.sealAll();
    const targets = (await chainOf('org_late')).map(({ entry }) => entry.targetId);
    expect(targets).toEqual(['key_second', 'key_first']);
  });
});

describe('what the installation has not written', () => {
  const copied = `organization_id, occurred_at, action, event_type, outcome, actor_type, target_type, target_id, details, personal, salt, mac`;

  it.each([
    ['a copy of a genuine entry', `SELECT 'aud_copy', ${copied}`],
    ['a time without end', `SELECT 'aud_time', ${copied.replace('occurred_at', `'infinity'`)}`],
    ['a list of people', `SELECT 'aud_list', ${copied.replace('personal', `'[[1]]'`)}`],
    ['null for a person', `SELECT 'aud_null', ${copied.replace('personal', `'null'`)}`],
    ['a number beyond all', `SELECT 'aud_huge', ${copied.replace('details', `'{"a":1e400}'`)}`],
  ])('is set aside and told of in the chain, which goes on: %s', async (what, select) => {
    const organizationId = `org_${what}`;
    await log.append(organizationId, 'before');
    await log.sql(
      `INSERT INTO audit_entries (id, ${copied}) ${select} FROM audit_entries WHERE organization_id = $1`,
      [organizationId],
    );
    await log.append(organizationId, 'after');
    await log.sealAll();
    const chain = await chainOf(organizationId);
    expect(chain.map(({ entry, sequence }) => [sequence, entry.action])).toEqual([
      [1, 'key.updated'],
      [2, 'key.updated'],
      [3, 'audit_entry.foreign'],
    ]);
    const aside = await log.sql<{ entry: { id: string; organization_id: string } }>(
      'SELECT entry FROM audit_foreign_entries WHERE organization_id = $1',
      [organizationId],
    );
    expect(chain[2]?.entry.details).toEqual({ count: 1, entry_ids: [aside[0]?.entry.id] });
    expect(aside[0]?.entry.organization_id).toBe(organizationId);
  });

  it('is an entry that was changed before it was sealed, too', async () => {
    await log.append('org_changed', 'genuine');
    await log.sql(
      `UPDATE audit_entries SET reason = 'none of ours' WHERE organization_id = 'org_changed'`,
    );
    await log.sealAll();
    expect((await chainOf('org_changed')).map(({ entry }) => entry.action)).toEqual([
      'audit_entry.foreign',
    ]);
    const metrics = await log.registry.metrics();
    expect(metrics).toContain('latchkey_audit_foreign_entries_total 6');
  });
});
