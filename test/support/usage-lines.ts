import { crc32 } from 'node:zlib';
import { expect } from 'vitest';

import type { Rows } from '#modules/usage/spool/line-batch.js';
import { readFields } from '#modules/usage/spool/usage-line.js';
import type { UsageRecord } from '#modules/usage/usage-record.js';

/** The ids of the records that stand in the rows, in their order. */
export function idsOfRows({ text, count }: Rows): (string | null)[] {
  const rows = count === 0 ? [] : text.toString().split('\n');
  expect(rows).toHaveLength(count);
  return rows.map((row) => readFields(row).id);
}

/** A line without its newline, whole whatever it says. */
export function sealed(body: string | Buffer): Buffer {
  const checksum = crc32(body).toString(16).padStart(8, '0');
  return Buffer.concat([Buffer.from(`${checksum} `), Buffer.from(body)]);
}

/** What a spool of version 1 said of the record. */
export function jsonOfVersion1(record: UsageRecord): string {
  const { caller, route } = record;
  const text = (value: string): string =>
    Buffer.from(value.slice(0, 256)).toString().replaceAll('\0', '\uFFFD');
  return JSON.stringify({
    v: 1,
    at: record.occurredAtMs,
    id: text(record.id),
    org: text(caller.organizationId),
    key: text(caller.keyId),
    model: text(route.model),
    provider: text(route.provider),
    upstream: text(route.upstreamModel),
    price: route.priceVersion === null ? null : text(route.priceVersion),
    surface: text(record.surface),
    status: record.status,
    outcome: record.outcome,
    stream: record.stream,
    source: record.usageSource,
    in: record.inputTokens,
    cached: record.cachedInputTokens,
    out: record.outputTokens,
    reasoning: record.reasoningTokens,
    cost: String(record.costNanos),
    ms: record.latencyMs,
    first: record.firstByteMs,
  });
}
