import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';

import { featureMask } from '#modules/keys/index.js';
import type { UsageRecord } from '#modules/usage/index.js';

import type { TestApp } from '../../support/app.js';
import { usageRecord } from '../../support/factories/usage-record.factory.js';

export type Tokens = Record<'input' | 'output' | 'cached' | 'reasoning' | 'total', number>;
export type Sums = {
  readonly requests: number;
  readonly errors: number;
  readonly cost: number;
  readonly tokens: Tokens;
  readonly avg_latency_ms: number;
};
export type Latency = Record<'avg' | 'p50' | 'p95' | 'p99', number>;
export type Point = Sums & {
  readonly start: string;
  readonly end: string;
  readonly latency_ms: Latency;
};
export type Group = Sums & {
  readonly name: string | null;
  readonly label: string | null;
  readonly is_other: boolean;
};
export type Analytics = {
  readonly period: Record<'start' | 'end' | 'time_zone' | 'granularity', string>;
  readonly total_requests: number;
  readonly total_cost: number;
  readonly avg_latency_ms: number;
  readonly error_rate: number;
  readonly refused_requests: number;
  readonly tokens: Tokens;
  readonly latency_ms: Latency;
  readonly models: readonly { name: string; requests: number; cost: number }[];
  readonly features: readonly { name: string; usage_count: number }[];
  readonly series: readonly Point[];
  readonly groups?: readonly Group[];
};

/** Asks for a report that must succeed. */
export async function analyze(
  app: TestApp,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<Analytics> {
  const answer = await app.call('GET', `${path}?${new URLSearchParams(query).toString()}`);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body as Analytics;
}

export async function organizationOf(app: TestApp): Promise<string> {
  const { body } = await app.call('GET', '/v1/key');
  return (body as { organization_id: string }).organization_id;
}

/** Makes a key and answers its id. */
export async function newKey(app: TestApp, fields: Record<string, unknown> = {}): Promise<string> {
  const made = await app.call('POST', '/v1/keys', { body: { name: 'counted', ...fields } });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return (made.body as { id: string }).id;
}

/** Makes records of one organization whose ids are all different. */
export function recorder(organizationId: string) {
  return (keyId: string, facts: Partial<UsageRecord> = {}): UsageRecord =>
    usageRecord({
      id: `req_${randomUUID()}`,
      caller: { organizationId, keyId },
      features: featureMask(['chat_completion']),
      ...facts,
    });
}
