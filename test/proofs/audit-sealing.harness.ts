/** Entries of the audit log as the product writes them, and how a gateway that seals them keeps up. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { DataSource } from 'typeorm';

import { Secret } from '#common/secret/secret.js';
import { Actors, systemActor } from '#platform/audit-trail/actor.js';
import { RootKey } from '#platform/crypto/root-key.js';
import { dataSourceOptions } from '#platform/database/data-source.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { AppendEntryService } from '../../src/modules/audit/trail/append-entry.service.js';
import { AuditEntryRepository } from '../../src/modules/audit/trail/audit-entry.repository.js';
import { EntryMac } from '../../src/modules/audit/trail/entry-mac.js';
import { EntryMaker } from '../../src/modules/audit/trail/entry-maker.js';
import { GatewayProcess, newInstallation } from '../support/gateway-process.js';

const WRITERS = 4;
const KEYS_PER_CHANGE = 10;
const REFUSALS_PER_TURN = 20;
const TURN_MS = 200;

export type Sealing = {
  readonly written: number;
  readonly writtenPerSecond: number;
  /** That were left when patience was over. */
  readonly unsealed: number;
  readonly lagP50Ms: number;
  readonly lagMaxMs: number;
};

/**
 * Writes beside a gateway of its own: changes of many keys, and requests that are refused and audited. Then waits until all is sealed,
 * or patience is over.
 */
export async function measureSealing(
  databaseUrl: string,
  turns: number,
  options: { readonly patienceMs: number; readonly build?: string },
): Promise<Sealing> {
  const installation = newInstallation(databaseUrl);
  const { build } = options;
  const gateway = await GatewayProcess.start(installation, build === undefined ? {} : { build });
  const trail = await openTrail(databaseUrl, installation.env.LATCHKEY_SECRET_KEY ?? '');
  const organizationId = await trail.organizationId();
  const key = await auditedKey(gateway);
  const lags: number[] = [];
  const begun = performance.now();
  for (let turn = 0; turn < turns; turn++) {
    const isNext = sleep(TURN_MS);
    const changes = Array.from({ length: WRITERS }, () => trail.change(organizationId));
    const refusals = Array.from({ length: REFUSALS_PER_TURN }, () => refused(gateway, key));
    await Promise.all([...changes, ...refusals]);
    lags.push(await trail.ageOfOldest());
    await isNext;
  }
  const seconds = (performance.now() - begun) / 1_000;
  const giveUpAt = performance.now() + options.patienceMs;
  const isLeft = async (): Promise<boolean> => {
    const age = await trail.ageOfOldest();
    lags.push(age);
    return age > 0 || (await trail.written()) < expectedOf(turns);
  };
  while ((await isLeft()) && performance.now() < giveUpAt) await sleep(TURN_MS);
  const written = await trail.written();
  const unsealed = await trail.unsealed();
  await trail.close();
  await gateway.end('SIGTERM');
  lags.sort((one, other) => one - other);
  return {
    written,
    writtenPerSecond: Math.round(expectedOf(turns) / seconds),
    unsealed,
    lagP50Ms: Math.round(lags[Math.floor(lags.length / 2)] ?? 0),
    lagMaxMs: Math.round(lags.at(-1) ?? 0),
  };
}

/** What is written at least: the gateway itself has more to tell. */
export const expectedOf = (turns: number): number =>
  turns * (WRITERS * KEYS_PER_CHANGE + REFUSALS_PER_TURN);

async function auditedKey(gateway: GatewayProcess): Promise<string> {
  const made = await gateway.call('POST', '/v1/keys', {
    name: 'audited',
    permissions: { models: ['sandbox/echo'] },
    security: { audit: { log_all_requests: true } },
  });
  expect(made.status).toBe(201);
  return (made.body as { key: string }).key;
}

/** Its entry goes through the spool. */
async function refused(gateway: GatewayProcess, key: string): Promise<void> {
  const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] };
  const { status } = await gateway.call('POST', '/v1/chat/completions', body, key);
  expect(status).toBe(403);
}

async function openTrail(databaseUrl: string, secretKey: string) {
  const dataSource = await new DataSource(dataSourceOptions(new Secret(databaseUrl))).initialize();
  const transactions = new TransactionRunner(dataSource);
  const actors = new Actors();
  const macs = new EntryMac(new RootKey(new Secret(Buffer.from(secretKey, 'base64'))));
  const maker = new EntryMaker(macs, { now: () => Date.now() });
  const entries = new AuditEntryRepository(transactions);
  const trail = new AppendEntryService(entries, maker, actors, transactions);
  const numberOf = async (select: string): Promise<number> => {
    const [row] = await transactions.sql<{ value: number }>(`SELECT ${select} AS value`);
    return row?.value ?? 0;
  };
  const count = (where: string): Promise<number> =>
    numberOf(`(SELECT count(*)::integer FROM audit_entries WHERE ${where})`);
  return {
    organizationId: async (): Promise<string> => {
      const [row] = await transactions.sql<{ id: string }>('SELECT id FROM organizations');
      return row?.id ?? '';
    },
    change: (organizationId: string): Promise<void> =>
      actors.act({ ...systemActor('proof'), ipAddress: '192.0.2.7' }, () =>
        transactions.run(async () => {
          for (let n = 0; n < KEYS_PER_CHANGE; n++) {
            const target = { type: 'key', id: `key_proof${n}` };
            const after = { name: `name ${n}`, version: n };
            await trail.append({ organizationId, action: 'key.updated', target, after });
          }
        }),
      ),
    written: () => count('true'),
    unsealed: () => count('sequence IS NULL'),
    /** In milliseconds, of what is not sealed; 0: there is nothing. */
    ageOfOldest: () =>
      numberOf(
        `(SELECT coalesce(extract(epoch FROM clock_timestamp() - min(occurred_at)), 0)::float8 * 1000
            FROM audit_entries WHERE sequence IS NULL)`,
      ),
    close: () => dataSource.destroy(),
  };
}
