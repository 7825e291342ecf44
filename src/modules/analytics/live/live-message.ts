import { usdNumber } from '#common/money/money.js';
import type { FeedRecord } from '#modules/usage/index.js';

/** One message, made once for all who get it. */
export class LiveMessage {
  /** As a text frame carries it. */
  readonly json: Buffer;
  #event: Buffer | null = null;

  /** @param fields with an `id` where the stream can be taken up behind it */
  constructor(private readonly fields: { readonly type: string; readonly id?: string }) {
    this.json = Buffer.from(JSON.stringify(fields));
  }

  /** As an event of a `text/event-stream`. A heartbeat only moves the client’s last event id: nothing is dispatched. */
  get event(): Buffer {
    const { type, id } = this.fields;
    const idLine = id === undefined ? '' : `id: ${id}\n`;
    const rest = type === 'heartbeat' ? ': heartbeat' : `data: ${this.json.toString()}`;
    return (this.#event ??= Buffer.from(`${idLine}${rest}\n\n`));
  }
}

/** @param userId whose own the key is */
export function requestCompleted(
  record: FeedRecord,
  id: string,
  userId: string | null,
): LiveMessage {
  const { inputTokens, outputTokens } = record;
  const fields = {
    type: 'request_completed',
    id,
    timestamp: record.occurredAt.toISOString(),
    key_id: record.keyId,
    request_id: record.id,
    model: record.model,
    provider: record.provider,
    tokens: {
      input: inputTokens,
      output: outputTokens,
      cached: record.cachedInputTokens,
      reasoning: record.reasoningTokens,
      total: inputTokens + outputTokens,
    },
    cost: usdNumber(record.costNanos),
    latency_ms: record.latencyMs,
    status: record.status,
    outcome: record.outcome,
    user_id: userId,
  };
  return new LiveMessage(fields);
}

export function heartbeat(id: string, nowMs: number): LiveMessage {
  const fields = { type: 'heartbeat', id, timestamp: new Date(nowMs).toISOString() };
  return new LiveMessage(fields);
}

export function gap(message: string): LiveMessage {
  const fields = { type: 'gap', message };
  return new LiveMessage(fields);
}

/** The last one of an event stream, which has no close code of its own. */
export function closed(code: number, reason: string): LiveMessage {
  const fields = { type: 'closed', code, reason };
  return new LiveMessage(fields);
}
