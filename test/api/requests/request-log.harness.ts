import pg from 'pg';
import { expect } from 'vitest';

import { newRequestId } from '#common/ids/request-id.js';

import type { Answer, TestApp } from '../../support/app.js';

export const DAY_MS = 86_400_000;

export type Logged = {
  readonly id: string;
  readonly key_id: string;
  readonly occurred_at: string;
  readonly status: number;
  readonly has_request_body: boolean;
  readonly has_response_body: boolean;
  readonly [field: string]: unknown;
};
export type Kept = {
  readonly content: string;
  readonly bytes: number;
  readonly truncated: boolean;
};
export type Details = Logged & {
  readonly request_body: Kept | null;
  readonly response_body: Kept | null;
};
export type Page = {
  readonly data: Logged[];
  readonly has_more: boolean;
  readonly next_cursor: string | null;
};

/** Runs statements past the application. */
export async function inDatabase<Row extends object>(
  { databaseUrl }: TestApp,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

export async function list(app: TestApp, query = '', key = app.masterKey): Promise<Page> {
  const answer = await app.call('GET', `/v1/requests${query}`, { key });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body as Page;
}

/** All pages, one after the other. */
export async function listAll(app: TestApp, query: string): Promise<Logged[]> {
  const all: Logged[] = [];
  let cursor: string | null = null;
  do {
    const page: Page = await list(app, `${query}${cursor === null ? '' : `&cursor=${cursor}`}`);
    all.push(...page.data);
    cursor = page.next_cursor;
    expect(page.has_more).toBe(cursor !== null);
  } while (cursor !== null);
  return all;
}

export async function details(app: TestApp, id: string, key: string): Promise<Details> {
  const answer = await app.call('GET', `/v1/requests/${id}?include=bodies`, { key });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body as Details;
}

export function idOf(answer: Answer): string {
  return answer.headers.get('x-request-id') ?? '';
}

/** Some of the columns of `usage_events`, the others as of an ordinary call. */
export type EventFacts = {
  readonly organization_id: string;
  readonly key_id: string;
  readonly occurred_at: Date;
  readonly [column: string]: unknown;
};

/** Writes calls of any time past the application, and answers their ids. */
export async function insertEvents(app: TestApp, events: readonly EventFacts[]): Promise<string[]> {
  const rows = events.map((facts) => ({
    // A call of a second.
    id: newRequestId(facts.occurred_at.getTime() - 1_000),
    surface: 'chat.completions',
    model: 'm',
    provider: 'p',
    upstream_model: 'u',
    status: 200,
    outcome: 'completed',
    stream: false,
    input_tokens: 1,
    cached_input_tokens: 0,
    output_tokens: 1,
    reasoning_tokens: 0,
    usage_source: 'upstream',
    cost_nanos: 1,
    price_version: null,
    latency_ms: 1_000,
    first_byte_ms: 500,
    features: 1,
    ...facts,
  }));
  const days = new Set(rows.map(({ occurred_at }) => Math.floor(occurred_at.getTime() / DAY_MS)));
  for (const day of days) {
    const [from, to] = [day, day + 1].map((at) => new Date(at * DAY_MS).toISOString().slice(0, 10));
    const name = `usage_events_${(from ?? '').replaceAll('-', '')}`;
    const [found] = await inDatabase<{ name: string | null }>(
      app,
      'SELECT to_regclass($1) AS name',
      [name],
    );
    if (found?.name) continue;
    await inDatabase(
      app,
      `CREATE TABLE ${name} PARTITION OF usage_events FOR VALUES FROM ('${from} 00:00:00+00') TO ('${to} 00:00:00+00')`,
    );
  }
  const columns = Object.keys(rows[0] ?? {}).join(', ');
  await inDatabase(
    app,
    `INSERT INTO usage_events (${columns}) SELECT ${columns} FROM json_populate_recordset(NULL::usage_events, $1)`,
    [JSON.stringify(rows)],
  );
  return rows.map(({ id }) => id);
}

export async function organizationOf(app: TestApp, key: string): Promise<string> {
  const { body } = await app.call('GET', '/v1/key', { key });
  return (body as { organization_id: string }).organization_id;
}
