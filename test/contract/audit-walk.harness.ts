/** Calls each route that changes something, and looks at what the audit log has of it, or what is done where it can't be written. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import pg from 'pg';
import { vi } from 'vitest';

import type { Answer } from '../support/app.js';
import { queryDatabase } from '../support/postgres.js';
import type { AppRoute } from './app-routes.js';
import { nameOf, type ReadyCall, readyCall } from './audited-calls.harness.js';
import type { World } from './matrix/world.harness.js';

/** What a route that is on a list must do instead. */
export type Lists = {
  /** They change nothing, or nothing that anybody would ask about, by reason. */
  readonly changesNothing: Readonly<Record<string, string>>;
  /** A job makes the change and its entry; the request must not wait for it. */
  readonly byJobs: Readonly<Record<string, string>>;
};

/** One line for each route that does not leave the entry that it must. */
export async function missingEntries(
  world: World,
  routes: readonly AppRoute[],
  { changesNothing, byJobs }: Lists,
): Promise<string[]> {
  const problems: string[] = [];
  for (const route of routes) {
    const name = nameOf(route);
    const call = await readyCall(world, route);
    const answer = await call.send();
    if (answer.status >= 300) {
      problems.push(`${name}: answers ${answer.status} ${JSON.stringify(answer.body)}`);
      continue;
    }
    if (name in byJobs) await waitForEntry(world, call, answer);
    const isThere = (await entriesOf(world, call, answer)) > 0;
    const isMeant = !(name in changesNothing);
    if (isThere === isMeant) continue;
    problems.push(
      isThere ? `${name}: has an entry, take it off CHANGES_NOTHING` : `${name}: no entry`,
    );
  }
  return problems;
}

async function entriesOf(world: World, call: ReadyCall, answer: Answer): Promise<number> {
  const [row] = await queryDatabase<{ count: number }>(
    world.app.databaseUrl,
    `SELECT count(*)::int AS count FROM audit_entries
      WHERE organization_id = $2 AND (request_id = $1 OR details->>'cause_request_id' = $1)`,
    [answer.headers.get('x-request-id'), call.organizationOf(answer)],
  );
  return row?.count ?? 0;
}

async function waitForEntry(world: World, call: ReadyCall, answer: Answer): Promise<void> {
  await vi.waitFor(
    async () => {
      if ((await entriesOf(world, call, answer)) === 0) throw new Error(`${call.name}: no entry`);
    },
    { timeout: 10_000, interval: 100 },
  );
}

/** Longer than a mail takes, which nobody waits for. */
const MAIL_MS = 1_000;

/**
 * One line for each route that does something, or says that it has, while the audit log can't be written. All calls are prepared
 * before that, and refused ones leave all as it is, so they are made one after the other on the same rows.
 */
export async function effectsWithoutLog(
  world: World,
  routes: readonly AppRoute[],
  { changesNothing, byJobs }: Lists,
  mails: readonly string[],
): Promise<string[]> {
  const isAudited = (route: AppRoute): boolean => !(nameOf(route) in changesNothing);
  const calls: ReadyCall[] = [];
  for (const route of routes.filter(isAudited)) calls.push(await readyCall(world, route));
  await settle(world);
  return withUnwritableLog(world, async () => {
    const problems: string[] = [];
    // Whoever was invited to be there at all has had one before.
    const unmailed = calls.filter(({ email }) => !hasMailTo(mails, email));
    let before = await digests(world);
    const sent = world.upstream.received.length;
    for (const { name, send } of calls) {
      const answer = await send();
      if (answer.status < 500 && !(name in byJobs)) problems.push(`${name}: ${answer.status}`);
      const after = await digests(world);
      const touched = [...after].filter(([table, digest]) => before.get(table) !== digest);
      for (const [table] of touched) problems.push(`${name}: has changed ${table}`);
      if (world.upstream.received.length > sent) problems.push(`${name}: has sent something`);
      before = after;
    }
    await sleep(MAIL_MS);
    const mailed = unmailed.filter(({ email }) => hasMailTo(mails, email));
    return [...problems, ...mailed.map(({ name }) => `${name}: has sent a mail`)];
  });
}

function hasMailTo(mails: readonly string[], email: string | null): boolean {
  return email !== null && mails.some((mail) => mail.includes(`To: ${email}\r\n`));
}

/** As for whoever has no right to write it, or no room: every INSERT fails. */
async function withUnwritableLog<T>({ app }: World, work: () => Promise<T>): Promise<T> {
  const alter = (change: string): Promise<unknown> =>
    queryDatabase(app.databaseUrl, `ALTER TABLE audit_entries ${change}`);
  await alter('ADD CONSTRAINT full_disk CHECK (false) NOT VALID');
  try {
    return await work();
  } finally {
    await alter('DROP CONSTRAINT full_disk');
  }
}

/** Until nothing that was prepared is told of any more, and no export is made. */
async function settle({ app }: World): Promise<void> {
  await vi.waitFor(
    async () => {
      const [row] = await queryDatabase<{ open: number }>(
        app.databaseUrl,
        `SELECT (SELECT count(*) FROM notifications WHERE dispatched_at IS NULL)::int
              + (SELECT count(*) FROM notification_deliveries WHERE status = 'pending')::int
              + (SELECT count(*) FROM exports WHERE state IN ('queued', 'running'))::int AS open`,
      );
      if (row?.open !== 0) throw new Error(`${String(row?.open)} are not told of, or made, yet.`);
    },
    { timeout: 60_000, interval: 100 },
  );
}

/** Tables that change with each call, whatever it does, or by themselves. */
const APART: Readonly<Record<string, string>> = {
  throttle_counters: 'a refused call counts as well',
  allowance_rates: 'a refused call counts as well',
  allowance_windows: 'a refused call counts as well',
  idempotency_records: 'what a key of a repeated call was answered',
  instances: 'who is there',
  key_usage_totals: 'written down in the background',
  request_bodies: 'written down in the background',
  usage_spool_positions: 'written down in the background',
  used_nonces: 'a refused call uses them as well',
  key_sweeps: 'when jobs have looked last',
};
const IN_THE_BACKGROUND = /^usage_|^audit_/;
/** Of any table: when something was used last, and by whom, which is written down in the background. */
const USES = ['last_used_at', 'last_used_address', 'last_used_agent'];

/** What stands in each table, as a digest. Jobs have a schema of their own, and are no effect before they run. */
async function digests({ app }: World): Promise<Map<string, string>> {
  const client = new pg.Client({ connectionString: app.databaseUrl });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1`,
    );
    const found = new Map<string, string>();
    for (const { name } of tables) {
      if (name in APART || IN_THE_BACKGROUND.test(name)) continue;
      const { rows } = await client.query<{ line: string }>(
        `SELECT (to_jsonb(stored) - $1::text[])::text AS line FROM ${pg.escapeIdentifier(name)} AS stored ORDER BY 1`,
        [USES],
      );
      const text = rows.map(({ line }) => line).join('\n');
      found.set(name, createHash('sha256').update(text).digest('hex'));
    }
    return found;
  } finally {
    await client.end();
  }
}
