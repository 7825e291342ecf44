import { afterAll, beforeAll, expect, it } from 'vitest';

import type { AuditExport } from '../../src/modules/audit/exports/domain/audit-export.js';
import {
  type Counted,
  ExportLease,
  LEASE_MS,
  SupersededError,
} from '../../src/modules/audit/exports/export-lease.js';
import { ExportRepository } from '../../src/modules/audit/exports/export.repository.js';
import type { FinishExportService } from '../../src/modules/audit/exports/finish-export.service.js';
import { type AuditLog, openAuditLog } from '../support/audit-log.js';

const ORGANIZATION = 'org_lease';
const NEVER = new AbortController().signal;
const IDLE: Counted = { entries: 0, bytes: 0, total: null };

let log: AuditLog;
let exports: ExportRepository;
let now = Date.parse('2026-11-28T10:00:00Z');
beforeAll(async () => {
  log = await openAuditLog();
  await log.sql(`INSERT INTO organizations (id, name) VALUES ($1, 'Lease')`, [ORGANIZATION]);
  exports = new ExportRepository(log.transactions);
});
afterAll(() => log.close());

/** Of a worker of its own. */
function newLease(): ExportLease {
  const finish = { isStillAllowed: () => Promise.resolve(true) } as Partial<FinishExportService>;
  return new ExportLease(exports, finish as FinishExportService, { now: () => now });
}

async function queued(id: string): Promise<void> {
  const at = new Date(now);
  const one: AuditExport = {
    id,
    organizationId: ORGANIZATION,
    keyId: null,
    requestedBy: 'key_none',
    format: 'csv',
    includePii: false,
    eventTypes: null,
    from: new Date(0),
    to: at,
    state: 'queued',
    failure: null,
    attempt: 0,
    entriesDone: 0,
    entriesTotal: null,
    bytes: 0,
    storedIn: null,
    createdAt: at,
    expiresAt: null,
  };
  await exports.insert(one);
}

it('one worker of many gets an export, and another one only when nothing was heard of it for long', async () => {
  await queued('exp_contended');
  const leases = Array.from({ length: 8 }, newLease);
  const take = (): Promise<(AuditExport | null)[]> =>
    Promise.all(leases.map((lease) => lease.take(ORGANIZATION, 'exp_contended')));
  const attemptsOf = (taken: (AuditExport | null)[]): number[] =>
    taken.flatMap((one) => (one ? [one.attempt] : []));
  expect(attemptsOf(await take())).toEqual([1]);
  now += LEASE_MS;
  expect(attemptsOf(await take())).toEqual([]);
  now += 1;
  expect(attemptsOf(await take())).toEqual([2]);
});

it('who was taken over can’t say anything any more, and is told to stop', async () => {
  await queued('exp_taken');
  const lease = newLease();
  const first = await lease.take(ORGANIZATION, 'exp_taken');
  now += LEASE_MS + 1;
  const second = await newLease().take(ORGANIZATION, 'exp_taken');
  if (!first || !second) throw new Error('It was not taken.');
  // Work that waits for a store which never answers.
  const stuck = (signal: AbortSignal): Promise<void> =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('Given up.')));
    });
  await expect(lease.hold(first, { ...IDLE }, NEVER, stuck)).rejects.toBeInstanceOf(
    SupersededError,
  );
  expect(await exports.find(ORGANIZATION, 'exp_taken')).toMatchObject({
    attempt: 2,
    state: 'running',
  });
});

it('who gives up lets another one begin at once', async () => {
  await queued('exp_released');
  const lease = newLease();
  const first = await lease.take(ORGANIZATION, 'exp_released');
  if (!first) throw new Error('It was not taken.');
  await lease.release(first);
  expect((await newLease().take(ORGANIZATION, 'exp_released'))?.attempt).toBe(2);
  // What is said too late changes nothing.
  await lease.release(first);
  expect(await newLease().take(ORGANIZATION, 'exp_released')).toBeNull();
});
