/** What is stored, so that a spec can say that a call which was refused has left no trace. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Whole tables that say nothing of a call, each with why. Whoever adds one says what a trace of a refused call can’t be in it. */
const EXEMPT_TABLES: Readonly<Record<string, string>> = {
  'public.instances': 'each process writes every few seconds that it is there',
  'public.throttle_counters':
    'counts every call of a credential, and every failure: refused ones are to be counted',
  'public.key_sweeps': 'how far the workers have got that look for what is due',
  'public.usage_*': 'calls of models that were answered are settled and rolled up afterwards',
  'public.key_usage_totals': 'as usage_*',
  'public.audit_checkpoints':
    'a job signs now and then how far the audit log has got; what is in the log is looked at itself',
  'public.audit_retentions':
    'a job takes over now and then what keys and organizations say; what they say is looked at itself',
  'bullmq.meta': 'settings of the queues, which each process writes at its start',
  'bullmq.scheduler': 'when each job comes next that comes by time',
  'bullmq.event': 'tells of each job what becomes of it; the jobs are looked at themselves',
  'bullmq.dedup': 'names jobs; they are looked at themselves',
  'bullmq.metrics': 'counts jobs that are over',
};

/** Columns that change as time goes by, each with the table’s. */
const EXEMPT_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  // Who calls uses a credential, also for what is refused. Written down once a minute.
  'public.sessions': ['last_used_at'],
  'public.api_key_secrets': ['last_used_at', 'last_used_address', 'last_used_agent'],
  // An entry is written without its place in the chain, which sealing gives it a moment later.
  'public.audit_entries': ['sequence', 'previous_hash', 'hash', 'search'],
};

/** Rows that are taken away or worked on by time alone. A trace is one that was not there before, by these columns. */
const WORKED_ON: Readonly<Record<string, string>> = {
  // Of what comes by time, each run is another row.
  'bullmq.job': `SELECT queue, id, name FROM bullmq.job WHERE scheduler_id IS NULL`,
};

/** Of what is meant to tell of refused calls, the rows that could be a trace all the same. */
const TRACES: Readonly<Record<string, string>> = {
  // That a call was refused is told to the organization of the credential, and where that is not known to the operator alone.
  'public.audit_entries': `
    SELECT * FROM public.audit_entries AS entry
     WHERE NOT (action IN ('access.denied', 'authentication.failed', 'request.refused')
       AND outcome = 'denied' AND target_type = 'route' AND before IS NULL AND after IS NULL
       AND CASE
           WHEN acting_key_id IS NOT NULL
             THEN EXISTS (SELECT FROM public.api_keys AS key
                           WHERE key.id = entry.acting_key_id
                             AND key.organization_id = entry.organization_id)
           WHEN user_id IS NOT NULL
             THEN EXISTS (SELECT FROM public.organization_members AS member
                           WHERE member.user_id = entry.user_id
                             AND member.organization_id = entry.organization_id)
           ELSE organization_id = 'installation' AND key_id IS NULL
       END)`,
};

/** Rows by table, `schema.name`, each row as JSON. */
export type StoredState = ReadonlyMap<string, ReadonlySet<string>>;

/** Every table of every schema but PostgreSQL’s own, without what is exempt. */
export async function storedState(url: string): Promise<StoredState> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const state = new Map<string, ReadonlySet<string>>();
    for (const name of await tablesOf(client)) {
      const { rows } = await client.query<{ line: string }>(
        `SELECT (to_jsonb(stored) - $1::text[])::text AS line FROM (${selectOf(name)}) AS stored`,
        [EXEMPT_COLUMNS[name] ?? []],
      );
      state.set(name, new Set(rows.map(({ line }) => line)));
    }
    return state;
  } finally {
    await client.end();
  }
}

/** As {@link storedState}, once nothing is worked on any more: what was done before goes on for a moment after its answer. */
export async function settledState(url: string): Promise<StoredState> {
  for (let before = await storedState(url), tries = 0; ; tries++) {
    await sleep(300);
    const now = await storedState(url);
    const changes = changesBetween(before, now);
    if (changes.length === 0) return now;
    if (tries === 100) throw new Error(`This never rests:\n${changes.join('\n')}`);
    before = now;
  }
}

const NO_ROWS: ReadonlySet<string> = new Set();

/** In words, row by row; empty when nothing has changed. */
export function changesBetween(before: StoredState, after: StoredState): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((table) => {
    const was = before.get(table) ?? NO_ROWS;
    const is = after.get(table) ?? NO_ROWS;
    const gone = table in WORKED_ON ? [] : [...was].filter((row) => !is.has(row));
    const come = [...is].filter((row) => !was.has(row));
    return [
      ...gone.map((row) => `- ${table} ${row.slice(0, 400)}`),
      ...come.map((row) => `+ ${table} ${row.slice(0, 400)}`),
    ];
  });
}

async function tablesOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(`
    SELECT nspname || '.' || relname AS name
      FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
     WHERE relkind IN ('r', 'm') AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
     ORDER BY 1`);
  return rows.map(({ name }) => name).filter((name) => !isExempt(name));
}

function isExempt(name: string): boolean {
  return Object.keys(EXEMPT_TABLES).some((exempt) =>
    exempt.endsWith('*') ? name.startsWith(exempt.slice(0, -1)) : name === exempt,
  );
}

function selectOf(name: string): string {
  return (
    WORKED_ON[name] ??
    TRACES[name] ??
    `SELECT * FROM ${name.split('.').map(pg.escapeIdentifier).join('.')}`
  );
}
