/** The audit log on a database of the test's own, without the rest of the system. */
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { DataSource } from 'typeorm';

import { Secret } from '#common/secret/secret.js';
import { Actors, systemActor } from '#platform/audit-trail/actor.js';
import type { AuditEvent } from '#platform/audit-trail/audit-trail.port.js';
import { loadEnv } from '#platform/config/env.js';
import { RootKey } from '#platform/crypto/root-key.js';
import { dataSourceOptions } from '#platform/database/data-source.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { FolderObjectStore } from '#platform/object-store/folder.object-store.js';

import { ChainHeads } from '../../src/modules/audit/checkpoints/chain-heads.service.js';
import { CheckpointSigner } from '../../src/modules/audit/checkpoints/checkpoint-signer.js';
import { CheckpointMetrics } from '../../src/modules/audit/checkpoints/checkpoint.metrics.js';
import { CheckpointRepository } from '../../src/modules/audit/checkpoints/checkpoint.repository.js';
import { MakeCheckpointsService } from '../../src/modules/audit/checkpoints/make-checkpoints.service.js';
import { PublishCheckpointService } from '../../src/modules/audit/checkpoints/publish-checkpoint.service.js';
import { ReportForeignEntriesService } from '../../src/modules/audit/sealing/report-foreign-entries.service.js';
import { SealEntriesService } from '../../src/modules/audit/sealing/seal-entries.service.js';
import { SealRepository } from '../../src/modules/audit/sealing/seal.repository.js';
import { SealingMetrics } from '../../src/modules/audit/sealing/sealing.metrics.js';
import { AppendEntryService } from '../../src/modules/audit/trail/append-entry.service.js';
import { AuditEntryRepository } from '../../src/modules/audit/trail/audit-entry.repository.js';
import { lineOf } from '../../src/modules/audit/trail/entry-line.js';
import { EntryMac } from '../../src/modules/audit/trail/entry-mac.js';
import { EntryMaker } from '../../src/modules/audit/trail/entry-maker.js';
import { VerificationRepository } from '../../src/modules/audit/verification/verification.repository.js';
import { VerifyLogService } from '../../src/modules/audit/verification/verify-log.service.js';
import { createTestDatabase } from './postgres.js';

export type AuditLog = Awaited<ReturnType<typeof openAuditLog>>;

const NEVER = new AbortController().signal;

/** Its clock stands still but for `advance`. @param checkpointFile that checkpoints are appended to */
export async function openAuditLog(checkpointFile = '') {
  const database = await createTestDatabase();
  const dataSource = await new DataSource(dataSourceOptions(new Secret(database.url))).initialize();
  const transactions = new TransactionRunner(dataSource);
  let time = Date.parse('2026-11-28T10:00:00Z');
  const clock = { now: () => time };
  const rootBytes = randomBytes(32);
  const rootKey = new RootKey(new Secret(rootBytes));
  const actors = new Actors();
  const macs = new EntryMac(rootKey);
  const entries = new AuditEntryRepository(transactions);
  const maker = new EntryMaker(macs, clock);
  const trail = new AppendEntryService(entries, maker, actors, transactions);
  const seals = new SealRepository(transactions);
  const checkpoints = new CheckpointRepository(transactions);
  const logger = pino({ level: 'silent' });
  const registry = new Registry();
  const foreign = new ReportForeignEntriesService(seals, trail, actors, clock, logger);
  const heads = new ChainHeads(seals, checkpoints);
  const metrics = new SealingMetrics(registry);
  const sealing = new SealEntriesService(seals, heads, macs, foreign, transactions, metrics);
  const signer = new CheckpointSigner(rootKey);
  const config = loadEnv({ LATCHKEY_AUDIT_CHECKPOINT_FILE: checkpointFile });
  const store = new FolderObjectStore(join(tmpdir(), 'latchkey-no-objects'));
  const publishing = new PublishCheckpointService(
    new CheckpointMetrics(registry),
    logger,
    config,
    store,
  );
  const making = new MakeCheckpointsService(sealing, seals, checkpoints, signer, publishing, clock);
  const verifying = new VerifyLogService(
    new VerificationRepository(transactions),
    checkpoints,
    macs,
    signer,
  );
  return {
    databaseUrl: database.url,
    rootKey,
    /** For a process of its own. */
    rootKeyHex: rootBytes.toString('hex'),
    registry,
    transactions,
    sealing,
    checkpoints: making,
    verifying,
    /** The verifier of another build, on this log. */
    verifierOf: async (load: <T>(file: string) => Promise<T>): Promise<VerifyLogService> => {
      const mac = await load<{ EntryMac: typeof EntryMac }>('trail/entry-mac.js');
      const service = await load<{ VerifyLogService: typeof VerifyLogService }>(
        'verification/verify-log.service.js',
      );
      return new service.VerifyLogService(
        new VerificationRepository(transactions),
        checkpoints,
        new mac.EntryMac(rootKey),
        signer,
      );
    },
    publicKey: signer.publicKey,
    signer,
    /** For what else works on the log. */
    parts: { actors, checkpoints, logger, macs, publishing, seals, trail },
    now: () => time,
    advance: (ms: number): void => void (time += ms),
    /** Appends an entry such as the product does. */
    append: (organizationId: string, name: string, event: Partial<AuditEvent> = {}) =>
      actors.act({ ...systemActor('spec'), ipAddress: '192.0.2.7', userAgent: 'spec/1' }, () =>
        trail.append({
          organizationId,
          action: 'key.updated',
          target: { type: 'key', id: `key_${name}` },
          after: { name },
          ...event,
        }),
      ),
    /** Many such entries in one statement. */
    appendMany: (organizationId: string, names: readonly string[]) =>
      entries.insert(
        names.map((name) => {
          const target = { type: 'key', id: `key_${name}` };
          const event: AuditEvent = { organizationId, action: 'key.updated', target };
          return lineOf(maker.make({ ...event, after: { name } }, systemActor('spec')));
        }),
      ),
    sealAll: () => sealing.sealAll({ now: time, maxEntries: 100 }, NEVER),
    sql: <Row>(text: string, parameters: readonly unknown[] = []) =>
      transactions.sql<Row>(text, parameters),
    close: async (): Promise<void> => {
      await publishing.onApplicationShutdown();
      await dataSource.destroy();
      await database.drop();
    },
  };
}
