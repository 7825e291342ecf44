// @ts-check
/** Writes to the audit log by the product's own ways, at a wanted rate: a process of its own. */
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { DataSource } from 'typeorm';

import { serveOrders } from './child.mjs';
import { load } from './scratch-database.mjs';

/** Transactions that are under way at once. */
const WRITERS = 10;
/** Of one change: it changes so many keys. */
const ENTRIES_PER_CHANGE = 5;
/** So many refusals come at once. */
const REFUSALS_PER_TURN = 5;
const logger = { error: console.error, warn: console.warn };

/**
 * @typedef {object} Wish
 * @property {string} databaseUrl
 * @property {string} secretKey in base64
 * @property {string} organizationId
 * @property {number} rate entries a second: half of them of changes, half of refused requests
 * @property {number} seconds
 */

serveOrders({ write });

/**
 * @param {Wish} wish
 * @returns {Promise<{ entries: number, seconds: number, late: number }>} `late`: by how many ms the last turn began too late
 */
async function write(wish) {
  const { changes, refuse, close } = await openTrail(wish);
  const begin = performance.now();
  const end = begin + wish.seconds * 1_000;
  const half = wish.rate / 2;
  const paces = [
    ...Array.from({ length: WRITERS }, () =>
      paced(changes, (WRITERS * ENTRIES_PER_CHANGE) / half, end),
    ),
    paced(refuse, REFUSALS_PER_TURN / half, end),
  ];
  const ended = await Promise.all(paces);
  const seconds = (performance.now() - begin) / 1_000;
  await close();
  return {
    entries: ended.reduce((sum, { entries }) => sum + entries, 0),
    seconds,
    late: Math.max(...ended.map(({ late }) => late)),
  };
}

/**
 * Turn by turn, in step with the clock: what is late is caught up with.
 * @param {() => number | Promise<number>} turn answers how many entries it wrote
 * @param {number} everySeconds
 * @param {number} end
 */
async function paced(turn, everySeconds, end) {
  let entries = 0;
  let late = 0;
  for (let due = performance.now(); due < end; due += everySeconds * 1_000) {
    const wait = due - performance.now();
    late = -wait;
    // Also when it is late, so that others get their turns.
    await sleep(Math.max(0, wait));
    entries += await turn();
  }
  return { entries, late };
}

/** @param {Wish} wish */
async function openTrail({ databaseUrl, secretKey, organizationId }) {
  const { Secret } = await load('common/secret/secret.js');
  const { Actors, systemActor } = await load('platform/audit-trail/actor.js');
  const { RootKey } = await load('platform/crypto/root-key.js');
  const { dataSourceOptions } = await load('platform/database/data-source.js');
  const { TransactionRunner } = await load('platform/database/transaction-runner.js');
  const { AppendEntryService } = await load('modules/audit/trail/append-entry.service.js');
  const { AuditEntryRepository } = await load('modules/audit/trail/audit-entry.repository.js');
  const { EntryMac } = await load('modules/audit/trail/entry-mac.js');
  const { EntryMaker } = await load('modules/audit/trail/entry-maker.js');
  const { ShipEntriesService } = await load('modules/audit/spool/ship-entries.service.js');
  const { SpoolEntries } = await load('modules/audit/spool/spool-entries.service.js');
  const { SpoolFolder } = await load('modules/audit/spool/spool-folder.js');

  const dataSource = new DataSource(dataSourceOptions(new Secret(databaseUrl)));
  await dataSource.initialize();
  const transactions = new TransactionRunner(dataSource);
  const clock = { now: () => Date.now() };
  const entries = new AuditEntryRepository(transactions);
  const rootKey = new RootKey(new Secret(Buffer.from(secretKey, 'base64')));
  const maker = new EntryMaker(new EntryMac(rootKey), clock);
  const actors = new Actors();
  const trail = new AppendEntryService(entries, maker, actors, transactions);
  const home = mkdtempSync(join(tmpdir(), 'latchkey-bench-spool-'));
  const folder = new SpoolFolder(home);
  const spool = new SpoolEntries(folder, maker, clock, logger, new Registry());
  const shipping = new ShipEntriesService(folder, entries, logger);
  shipping.onApplicationBootstrap();
  const someActor = () => ({
    ...systemActor('bench'),
    ipAddress: `203.0.113.${randomInt(250)}`,
    userAgent: 'bench/1',
    country: 'DE',
  });

  const changes = () =>
    actors.act(someActor(), () =>
      transactions.run(async () => {
        for (let n = 0; n < ENTRIES_PER_CHANGE; n++) await trail.append(changeOf(organizationId));
        return ENTRIES_PER_CHANGE;
      }),
    );
  const refuse = () => {
    for (let n = 0; n < REFUSALS_PER_TURN; n++) {
      if (!spool.write(refusalOf(organizationId), someActor())) throw new Error('spool is full');
    }
    return REFUSALS_PER_TURN;
  };
  const close = async () => {
    await shipping.onApplicationShutdown();
    await dataSource.destroy();
    rmSync(home, { recursive: true, force: true });
  };
  return { changes, refuse, close };
}

/** @param {string} organizationId */
function changeOf(organizationId) {
  const policy = { models: [`model-${randomInt(50)}`], requests_per_minute: randomInt(1_000) };
  return {
    organizationId,
    action: 'key.updated',
    target: { type: 'key', id: `key_bench${randomInt(2_000)}` },
    before: { name: `bench ${randomInt(1_000)}`, policy, version: 1 },
    after: { name: `bench ${randomInt(1_000)}`, policy, version: 2 },
    reason: `ticket ${randomInt(1_000_000)}`,
  };
}

/** @param {string} organizationId */
function refusalOf(organizationId) {
  return {
    organizationId,
    action: 'access.denied',
    target: { type: 'route', id: '/v1/chat/completions' },
    keyId: `key_bench${randomInt(2_000)}`,
    outcome: 'denied',
    details: {
      code: 'ip_not_allowed',
      status: 403,
      method: 'POST',
      path: '/v1/chat/completions',
    },
  };
}
