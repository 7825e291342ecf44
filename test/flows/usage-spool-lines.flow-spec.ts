import fc from 'fast-check';
import { appendFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { claimSpool, segmentPath } from '#modules/usage/spool/spool-folder.js';

import { jsonOfVersion1, sealed } from '../support/usage-lines.js';
import { drainAll, openStorage, SpoolHarness, tenant } from './usage-spool.harness.js';

const DAY_MS = 86_400_000;

/** The rows that version 1 made of its lines. */
const AS_VERSION_1 = `
SELECT id, org AS organization_id, key AS key_id, timestamptz 'epoch' + at * interval '1 millisecond' AS occurred_at,
       surface, model, provider, upstream AS upstream_model, status, outcome, stream, "in" AS input_tokens,
       cached AS cached_input_tokens, "out" AS output_tokens, reasoning AS reasoning_tokens, source AS usage_source,
       cost AS cost_nanos, price AS price_version, ms AS latency_ms, first AS first_byte_ms, 0 AS features
  FROM json_to_recordset($1::json) AS line (
    id text, org text, key text, at bigint, surface text, model text, provider text, upstream text,
    status smallint, outcome text, stream boolean, "in" integer, cached integer, "out" integer, reasoning integer,
    source text, cost bigint, price text, ms integer, first integer
  )
 ORDER BY "in"`;

const STORED_AT = `
SELECT id, organization_id, key_id, occurred_at, surface, model, provider, upstream_model, status, outcome, stream,
       input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, usage_source,
       cost_nanos, price_version, latency_ms, first_byte_ms, features
  FROM usage_events WHERE occurred_at = $1 ORDER BY input_tokens`;

let harness: SpoolHarness;
beforeAll(async () => (harness = await SpoolHarness.start()));
afterAll(() => harness.stop());

async function rowsOf(query: string, parameter: unknown): Promise<Record<string, unknown>[]> {
  return (await harness.admin.query<Record<string, unknown>>(query, [parameter])).rows;
}

describe('a line that PostgreSQL reads', () => {
  it('stores any texts exactly as the JSON of version 1 was stored', async () => {
    const special = [
      '~',
      '\\',
      '\t',
      '\n',
      '\r',
      '"',
      '\0',
      '\x01',
      '\x7f',
      '\ud800',
      '\u2028',
      '😀',
    ];
    const unit = fc.constantFrom('a', 's', 't', 'n', 'N', ' ', 'é', '漢', ...special);
    const odd = fc.constantFrom(
      '',
      '~',
      '\\~',
      '\\N',
      '\\t',
      '\\\\t',
      'null',
      ' ',
      '漢'.repeat(300),
    );
    const text = fc.oneof(odd, fc.string({ unit, maxLength: 40 }));
    const texts = fc.record({
      id: text,
      caller: fc.record({ organizationId: text, keyId: text.filter((id) => id !== '') }),
      route: fc.record({
        model: text,
        provider: text,
        upstreamModel: text,
        priceVersion: fc.option(text),
      }),
      surface: text,
      firstByteMs: fc.option(fc.nat()),
    });
    const { record } = tenant();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    const drain = harness.drainOf(dataDir, writer);
    let occurredAtMs = Date.now() - DAY_MS;
    await fc.assert(
      fc.asyncProperty(fc.array(texts, { minLength: 1, maxLength: 50 }), async (many) => {
        occurredAtMs++;
        const records = many.map((facts, index) =>
          record({ ...facts, id: `${index}${facts.id}`, occurredAtMs, inputTokens: index }),
        );
        for (const one of records) writer.append(one);
        await drainAll(drain);
        expect(await rowsOf(STORED_AT, new Date(occurredAtMs))).toEqual(
          await rowsOf(AS_VERSION_1, `[${records.map(jsonOfVersion1).join(',')}]`),
        );
      }),
      { numRuns: 30 },
    );
    expect(drain.counts).toMatchObject({ duplicates: 0, rejected: 0, corrupt: 0 });
  });

  it('counts once what version 1 and this one wrote, mixed, also when two shippers race', async () => {
    const other = await openStorage(harness.url);
    const versions = fc.array(fc.boolean(), { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(versions, async (areOld) => {
        const { organizationId, record } = tenant();
        const dataDir = harness.newDirectory();
        const dead = harness.openWriter(dataDir);
        const file = segmentPath(claimSpool(dataDir).directory, dead.end.segment);
        const ids = areOld.map((isOld) => {
          const one = record({ firstByteMs: null });
          if (isOld) appendFileSync(file, `${String(sealed(jsonOfVersion1(one)))}\n`);
          else dead.append(one);
          return one.id;
        });
        dead.close();
        const writer = harness.openWriter(dataDir);
        const drains = [harness.drainOf(dataDir, writer), harness.drainOf(dataDir, writer, other)];
        await Promise.all(drains.map(drainAll));
        writer.close();
        const { events, isOnce } = await harness.storedOf(organizationId);
        expect([events, isOnce]).toEqual([ids.length, true]);
        const faults = drains.map(({ counts }) => counts.corrupt + counts.rejected + counts.torn);
        expect(faults).toEqual([0, 0]);
      }),
      { numRuns: 15 },
    );
    await other.dataSource.destroy();
  });
});
