/** Workers that remove entries of an audit log, in processes of their own that can be killed, of any build. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { AuditLog } from '../support/audit-log.js';
import { DAY_MS } from '../support/audit-retention.js';
import { makePatchedBuild, type Patch } from './patched-build.harness.js';

export const ORGANIZATION = 'org_retention';
/** Between two checkpoints. */
export const SEGMENT = 20;

/** Of the build that it lies in. Kills itself before the statement whose number it is told; 0: never. */
const PROGRAM = `
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { DataSource } from 'typeorm';

const load = (file) => import('./dist/src/' + file + '.js');
const audit = (file) => load('modules/audit/' + file);
const [, , url, rootKey, now, maxEntries, killBefore] = process.argv;
const { Secret } = await load('common/secret/secret');
const { Actors } = await load('platform/audit-trail/actor');
const { loadEnv } = await load('platform/config/env');
const { RootKey } = await load('platform/crypto/root-key');
const { dataSourceOptions } = await load('platform/database/data-source');
const { TransactionRunner } = await load('platform/database/transaction-runner');
const { CheckpointSigner } = await audit('checkpoints/checkpoint-signer');
const { CheckpointMetrics } = await audit('checkpoints/checkpoint.metrics');
const { CheckpointRepository } = await audit('checkpoints/checkpoint.repository');
const { PublishCheckpointService } = await audit('checkpoints/publish-checkpoint.service');
const { CutSegmentsService } = await audit('retention/cut-segments.service');
const { FindSegmentsService } = await audit('retention/find-segments.service');
const { RemovalRepository } = await audit('retention/removal.repository');
const { RemoveEntriesService } = await audit('retention/remove-entries.service');
const { SealRepository } = await audit('sealing/seal.repository');
const { AppendEntryService } = await audit('trail/append-entry.service');
const { AuditEntryRepository } = await audit('trail/audit-entry.repository');
const { EntryMac } = await audit('trail/entry-mac');
const { EntryMaker } = await audit('trail/entry-maker');
const { VerificationRepository } = await audit('verification/verification.repository');

const dataSource = await new DataSource(dataSourceOptions(new Secret(url))).initialize();
let statements = 0;
class Transactions extends TransactionRunner {
  sql(...args) {
    statements++;
    if (statements === Number(killBefore)) process.kill(process.pid, 'SIGKILL');
    return super.sql(...args);
  }
}
const transactions = new Transactions(dataSource);
const root = new RootKey(new Secret(Buffer.from(rootKey, 'hex')));
const clock = { now: () => Number(now) };
const logger = pino({ level: 'silent' });
const actors = new Actors();
const macs = new EntryMac(root);
const signer = new CheckpointSigner(root);
const checkpoints = new CheckpointRepository(transactions);
const removals = new RemovalRepository(transactions);
const trail = new AppendEntryService(
  new AuditEntryRepository(transactions), new EntryMaker(macs, clock), actors, transactions);
const following = { follow: async () => 90 };
const segments = new FindSegmentsService(
  removals, checkpoints, signer, new VerificationRepository(transactions), macs, logger);
const cutting = new CutSegmentsService(
  new SealRepository(transactions), removals, checkpoints, signer, trail, transactions);
const publishing = new PublishCheckpointService(
  new CheckpointMetrics(new Registry()), logger, loadEnv({}), null);
const removing = new RemoveEntriesService(
  checkpoints, following, segments, cutting, publishing, actors);
await removing.removeAll(
  { now: Number(now), maxEntries: Number(maxEntries) }, new AbortController().signal);
await publishing.onApplicationShutdown();
await dataSource.destroy();
`;

export type Workers = {
  /** @returns its exit code, or the signal that ended it */
  readonly run: (killBefore: number) => Promise<number | string | null>;
};

/** @param rootKey the installation’s, in hexadecimal */
export async function workersOf(
  log: AuditLog,
  rootKey: string,
  patches: readonly Patch[],
): Promise<Workers> {
  const build = await makePatchedBuild(...patches);
  const program = join(build, 'remove-entries.mjs');
  await writeFile(program, PROGRAM);
  return {
    run: async (killBefore) => {
      const args = [log.databaseUrl, rootKey, log.now(), SEGMENT, killBefore].map(String);
      const child = spawn(process.execPath, [program, ...args], { stdio: 'ignore' });
      const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
      return code ?? signal;
    },
  };
}

/** A log of so many stretches, whose entries are all over. */
export async function fillLog(log: AuditLog, segments: number, size = SEGMENT): Promise<void> {
  for (let segment = 0; segment < segments; segment++) {
    await log.appendMany(
      ORGANIZATION,
      Array.from({ length: size }, (_, n) => `${segment}-${n}`),
    );
    await log.checkpoints.makeNow(ORGANIZATION);
  }
  log.advance(91 * DAY_MS);
}
