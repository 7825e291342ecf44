import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { RefusalRepository, type Refusals } from '#modules/usage/refusals/refusal.repository.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import {
  CHAT,
  MESSAGES,
  MODEL,
  type Stage,
  startStage,
} from '../api/inference/inference.harness.js';
import { type openStorage, SpoolHarness } from './usage-spool.harness.js';

const GRAINS = ['minute', 'hour', 'day'] as const;
const MINUTE = 60_000;

type Row = { readonly key_id: string; readonly bucket: Date; readonly refused: number };

async function rowsOf(
  database: pg.Pool,
  grain: (typeof GRAINS)[number],
  organizationId: string,
): Promise<Row[]> {
  const { rows } = await database.query<Row>(
    `SELECT key_id, bucket, refused::integer, requests::integer FROM usage_rollup_${grain}
      WHERE organization_id = $1 AND refused > 0 ORDER BY key_id, bucket`,
    [organizationId],
  );
  return rows;
}

describe('a call that is refused before it goes anywhere', () => {
  let stage: Stage;
  let database: pg.Pool;
  beforeAll(async () => {
    stage = await startStage({ LATCHKEY_TRUSTED_PROXIES: '127.0.0.1' });
    database = new pg.Pool({ connectionString: stage.app.databaseUrl });
  });
  afterAll(async () => {
    await database.end();
    await stage.close();
  });

  type Refused = {
    readonly policy?: Record<string, unknown>;
    readonly fields?: Record<string, unknown>;
    readonly rawBody?: string;
    readonly code: string;
  };
  const REFUSED: Record<string, Refused> = {
    'by its address': {
      policy: { restrictions: { ip_whitelist: ['10.0.0.0/8'] } },
      code: 'ip_not_allowed',
    },
    'for its scope': { policy: { scopes: ['usage:read'] }, code: 'insufficient_scope' },
    'for its model': {
      policy: { permissions: { models: ['other/*'] } },
      code: 'model_not_allowed',
    },
    'for a model that there is not': { fields: { model: 'none/such' }, code: 'model_not_found' },
    'for its body': { rawBody: '{', code: 'invalid_json' },
  };

  async function newKey(policy: object = {}): Promise<{ id: string; key: string }> {
    const made = await stage.app.call('POST', '/v1/keys', { body: { name: 'test', ...policy } });
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    return made.body as { id: string; key: string };
  }

  async function refusedOf(keyId: string): Promise<Record<string, number>> {
    const { rows } = await database.query<{ grain: string; refused: number }>(
      GRAINS.map(
        (grain) =>
          `SELECT '${grain}' AS grain, sum(refused)::integer AS refused FROM usage_rollup_${grain} WHERE key_id = $1`,
      ).join(' UNION ALL '),
      [keyId],
    );
    return Object.fromEntries(rows.map(({ grain, refused }) => [grain, refused]));
  }

  it('counts once for its key, whatever the reason and whichever way it came', async () => {
    const expected = new Map<string, number>();
    for (const [reason, { policy, fields, rawBody, code }] of Object.entries(REFUSED)) {
      const { id, key } = await newKey(policy);
      const body = rawBody ?? { model: MODEL, messages: MESSAGES, ...fields };
      // With a query it goes through the router.
      for (const path of [CHAT, `${CHAT}?x=1`]) {
        const answer = await stage.app.call('POST', path, { key, body });
        expect([reason, answer.body]).toMatchObject([reason, { error: { code } }]);
      }
      expected.set(id, 2);
    }
    const limited = await newKey({ rate_limits: { requests: { per_day: 1 } } });
    const codes = [];
    for (let call = 0; call < 4; call++) {
      codes.push((await stage.chat({}, { key: limited.key })).status);
    }
    expect(codes).toEqual([200, 429, 429, 429]);
    expected.set(limited.id, 3);
    await vi.waitFor(
      async () => {
        for (const [keyId, calls] of expected) {
          expect(await refusedOf(keyId)).toEqual({ minute: calls, hour: calls, day: calls });
        }
      },
      { timeout: 10_000, interval: 200 },
    );
    const { rows } = await database.query<{ refused: number }>(
      `SELECT sum(refused)::integer AS refused FROM usage_rollup_day WHERE key_id = ''`,
    );
    expect(rows[0]?.refused).toBe([...expected.values()].reduce((sum, calls) => sum + calls, 0));
  });

  it('is not one that a provider failed, that a client left, or of an unknown key', async () => {
    const { id, key } = await newKey();
    stage.upstream.behave((response) => void response.writeHead(500).end());
    expect((await stage.chat({}, { key })).status).toBe(502);
    expect((await stage.chat({}, { key: `${key.slice(0, -1)}?` })).status).toBe(401);
    await leaveHalfWay(key);
    // Stands for all that came before it: counts go out together.
    await stage.chat({ model: 'none/such' }, { key });
    await vi.waitFor(
      async () => expect(await refusedOf(id)).toEqual({ minute: 1, hour: 1, day: 1 }),
      { timeout: 10_000, interval: 200 },
    );
  });

  /** Until the server has noticed. */
  async function leaveHalfWay(key: string): Promise<void> {
    const { hostname, port } = new URL(stage.app.origin);
    const socket = connect(Number(port), hostname);
    const head = [`POST ${CHAT} HTTP/1.1`, 'host: gateway', `authorization: Bearer ${key}`];
    head.push('content-type: application/json', 'content-length: 100', '', '{"model":');
    socket.write(head.join('\r\n'));
    await sleep(100);
    socket.destroy();
    await sleep(100);
  }
});

describe('counts of refused calls', () => {
  let harness: SpoolHarness;
  beforeAll(async () => {
    harness = await SpoolHarness.start();
  });
  afterAll(() => harness.stop());

  const repositoryOf = (storage: Awaited<ReturnType<typeof openStorage>>): RefusalRepository =>
    new RefusalRepository(new TransactionRunner(storage.dataSource));

  it('are in the rows of their minute, hour and day, of the key and of the organization', async () => {
    const organizationId = `org_${randomUUID()}`;
    const at = Date.UTC(2026, 2, 29, 0, 59);
    await harness.storage.partitions.prepare([at]);
    const of = (keyId: string, minuteMs: number, calls: number): Refusals => ({
      organizationId,
      keyId,
      minuteMs,
      calls,
    });
    const repository = repositoryOf(harness.storage);
    await repository.addAcrossTenants([of('key_a', at, 2), of('key_b', at, 1)]);
    await repository.addAcrossTenants([of('key_a', at + MINUTE, 4)]);
    const expected = {
      minute: [
        ['', at, 3],
        ['', at + MINUTE, 4],
        ['key_a', at, 2],
        ['key_a', at + MINUTE, 4],
        ['key_b', at, 1],
      ],
      hour: [
        ['', at - 59 * MINUTE, 3],
        ['', at + MINUTE, 4],
        ['key_a', at - 59 * MINUTE, 2],
        ['key_a', at + MINUTE, 4],
        ['key_b', at - 59 * MINUTE, 1],
      ],
      day: [
        ['', at - 59 * MINUTE, 7],
        ['key_a', at - 59 * MINUTE, 6],
        ['key_b', at - 59 * MINUTE, 1],
      ],
    };
    for (const grain of GRAINS) {
      const rows = await rowsOf(harness.admin, grain, organizationId);
      expect(rows.map((row) => [row.key_id, row.bucket.getTime(), row.refused])).toEqual(
        expected[grain],
      );
    }
  });

  it('leave the other figures of a row as they are', async () => {
    const organizationId = `org_${randomUUID()}`;
    const minuteMs = Math.floor(Date.now() / MINUTE) * MINUTE;
    await harness.storage.partitions.prepare([minuteMs]);
    await harness.admin.query(
      `INSERT INTO usage_rollup_minute VALUES ($1, '', to_timestamp($2), 5, 1, 10, 2, 20, 3, 400, 50, 7, '\\x000100000003')`,
      [organizationId, minuteMs / 1000],
    );
    const one = { organizationId, keyId: 'key_a', minuteMs, calls: 2 };
    await repositoryOf(harness.storage).addAcrossTenants([one]);
    const { rows } = await harness.admin.query(
      `SELECT requests::int, errors::int, input_tokens::int, cached_input_tokens::int, output_tokens::int,
              reasoning_tokens::int, cost_nanos::int, latency_ms::int, refused::int, encode(latencies, 'hex') AS latencies
         FROM usage_rollup_minute WHERE organization_id = $1 AND key_id = ''`,
      [organizationId],
    );
    expect(rows).toEqual([
      {
        requests: 5,
        errors: 1,
        input_tokens: 10,
        cached_input_tokens: 2,
        output_tokens: 20,
        reasoning_tokens: 3,
        cost_nanos: 400,
        latency_ms: 50,
        refused: 9,
        latencies: '000100000003',
      },
    ]);
  });

  it('are added in the order of the rows’ key and table by table, so that none waits in a circle', async () => {
    const organizationId = `org_${randomUUID()}`;
    const minuteMs = Math.floor(Date.now() / MINUTE) * MINUTE;
    await harness.storage.partitions.prepare([minuteMs]);
    const keys = Array.from({ length: 40 }, (_, key) => `key_${String(key).padStart(2, '0')}`);
    const refusals = keys.map((keyId) => ({ organizationId, keyId, minuteMs, calls: 1 }));
    const repository = repositoryOf(harness.storage);
    await repository.addAcrossTenants(refusals);
    const blocker = await harness.admin.connect();
    await blocker.query('BEGIN');
    await blocker.query(
      `SELECT FROM usage_rollup_minute WHERE organization_id = $1 AND key_id = 'key_20' FOR UPDATE`,
      [organizationId],
    );
    const adding = repository.addAcrossTenants(refusals.toReversed());
    const free = async (grain: string): Promise<string[]> => {
      const { rows } = await harness.admin.query<Row>(
        `SELECT key_id FROM usage_rollup_${grain} WHERE organization_id = $1 ORDER BY key_id
            FOR UPDATE SKIP LOCKED`,
        [organizationId],
      );
      return rows.map(({ key_id }) => key_id);
    };
    try {
      await vi.waitFor(async () => expect(await free('minute')).toEqual(keys.slice(21)));
      expect(await free('hour')).toEqual(['', ...keys]);
      expect(await free('day')).toEqual(['', ...keys]);
    } finally {
      await blocker.query('COMMIT');
      blocker.release();
      await adding;
    }
    for (const grain of GRAINS) {
      const rows = await rowsOf(harness.admin, grain, organizationId);
      expect(rows.map(({ refused }) => refused)).toEqual([80, ...keys.map(() => 2)]);
    }
  });
});
