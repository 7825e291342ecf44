import { Injectable } from '@nestjs/common';
import { QueryFailedError } from 'typeorm';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { SearchTimeoutError } from '../usage.errors.js';
import type { EventFilter, EventPosition, UsageEvent } from './usage-events.port.js';
import type { Stretch } from './walk-back.js';

type EventRow = {
  readonly id: string;
  readonly key_id: string;
  readonly occurred_at: Date;
  readonly surface: string;
  readonly model: string;
  readonly provider: string;
  readonly upstream_model: string;
  readonly status: number;
  readonly outcome: UsageEvent['outcome'];
  readonly stream: boolean;
  readonly input_tokens: number;
  readonly cached_input_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly usage_source: UsageEvent['usageSource'];
  readonly cost_nanos: string;
  readonly price_version: string | null;
  readonly latency_ms: number;
  readonly first_byte_ms: number | null;
  readonly features: number;
};

const SELECT = `
SELECT id, key_id, occurred_at, surface, model, provider, upstream_model, status, outcome, stream, input_tokens,
       cached_input_tokens, output_tokens, reasoning_tokens, usage_source, cost_nanos, price_version, latency_ms,
       first_byte_ms, features
  FROM usage_events
 WHERE organization_id = $1 AND occurred_at >= $2 AND occurred_at < $3`;
const NEWEST_FIRST = 'ORDER BY occurred_at DESC, id DESC';

const READ_TIMEOUT_MS = 1_000;
const QUERY_CANCELED = '57014';

@Injectable()
export class UsageEventsRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /**
   * The newest `limit` of a stretch that pass the filter.
   * @throws {SearchTimeoutError} when that takes longer than a second
   */
  async findNewest(
    organizationId: string,
    stretch: Stretch,
    filter: EventFilter,
    { after, limit }: { readonly after: EventPosition | null; readonly limit: number },
  ): Promise<UsageEvent[]> {
    const query = new Conditions([organizationId, new Date(stretch.from), new Date(stretch.to)]);
    query.addFilter(filter);
    if (after)
      query.add((at, id) => `(occurred_at, id) < (${at}, ${id})`, after.createdAt, after.id);
    query.values.push(limit);
    const sql = `${SELECT} ${query.sql} ${NEWEST_FIRST} LIMIT $${query.values.length}`;
    return (await this.#readInTime(sql, query.values)).map(toEvent);
  }

  /** @throws {SearchTimeoutError} when that takes longer than a second */
  async find(organizationId: string, id: string, stretch: Stretch): Promise<UsageEvent | null> {
    const values = [organizationId, new Date(stretch.from), new Date(stretch.to), id];
    const [row] = await this.#readInTime(`${SELECT} AND id = $4 LIMIT 1`, values);
    return row ? toEvent(row) : null;
  }

  async #readInTime(sql: string, values: readonly unknown[]): Promise<EventRow[]> {
    try {
      return await this.transactions.run(async () => {
        await this.transactions.sql(`SET LOCAL statement_timeout = ${READ_TIMEOUT_MS}`);
        return this.transactions.sql<EventRow>(sql, values);
      });
    } catch (error) {
      const isTooLong =
        error instanceof QueryFailedError &&
        (error.driverError as { code?: string }).code === QUERY_CANCELED;
      throw isTooLong ? new SearchTimeoutError(error) : error;
    }
  }
}

/** Conditions of a statement with the values that they name. */
class Conditions {
  sql = '';

  constructor(readonly values: unknown[]) {}

  add(condition: (...names: string[]) => string, ...values: readonly unknown[]): void {
    const names = values.map((value) => `$${this.values.push(value)}`);
    this.sql += ` AND ${condition(...names)}`;
  }

  addFilter(filter: EventFilter): void {
    const { keyId, model, provider, statuses, outcome, minCostNanos, minLatencyMs, features } =
      filter;
    this.#addGiven('key_id =', keyId);
    this.#addGiven('model =', model);
    this.#addGiven('provider =', provider);
    this.#addGiven('outcome =', outcome);
    this.#addGiven('cost_nanos >=', minCostNanos?.toString());
    this.#addGiven('latency_ms >=', minLatencyMs);
    if (statuses) this.add((from, to) => `status BETWEEN ${from} AND ${to}`, ...statuses);
    if (features !== undefined)
      this.add((mask) => `features & ${mask}::integer = ${mask}::integer`, features);
  }

  #addGiven(condition: string, value: unknown): void {
    if (value !== undefined) this.add((name) => `${condition} ${name}`, value);
  }
}

function toEvent(row: EventRow): UsageEvent {
  return {
    id: row.id,
    keyId: row.key_id,
    occurredAt: row.occurred_at,
    surface: row.surface,
    model: row.model,
    provider: row.provider,
    upstreamModel: row.upstream_model,
    status: row.status,
    outcome: row.outcome,
    stream: row.stream,
    inputTokens: row.input_tokens,
    cachedInputTokens: row.cached_input_tokens,
    outputTokens: row.output_tokens,
    reasoningTokens: row.reasoning_tokens,
    usageSource: row.usage_source,
    costNanos: BigInt(row.cost_nanos),
    priceVersion: row.price_version,
    latencyMs: row.latency_ms,
    firstByteMs: row.first_byte_ms,
    features: row.features,
  };
}
