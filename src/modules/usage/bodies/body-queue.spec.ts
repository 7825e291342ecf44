import { Registry } from 'prom-client';
import { QueryFailedError } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Logger } from '#platform/observability/logger.js';

import { BodiesMetrics } from './bodies.metrics.js';
import { BodyQueue } from './body-queue.service.js';
import type { KeptBody, RequestBodiesRepository } from './request-bodies.repository.js';

const KIB = 1_024;

/** Stores, or fails, or never answers. */
class FakeBodies {
  readonly batches: (readonly KeptBody[])[] = [];
  behaviour: () => Promise<void> = () => Promise.resolve();

  async insertAcrossTenants(batch: readonly KeptBody[]): Promise<void> {
    await this.behaviour();
    this.batches.push(batch);
  }

  get ids(): string[] {
    return this.batches.flat().map(({ requestId }) => requestId);
  }
}

let bodies: FakeBodies;
let registry: Registry;
let queue: BodyQueue;
let warnings: Record<string, unknown>[];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearInterval', 'performance'] });
  bodies = new FakeBodies();
  registry = new Registry();
  warnings = [];
  const logger = {
    warn: (facts: Record<string, unknown>, message: string) => warnings.push({ ...facts, message }),
    error: () => undefined,
  };
  queue = new BodyQueue(
    bodies as unknown as RequestBodiesRepository,
    new BodiesMetrics(registry),
    logger as unknown as Logger,
  );
  queue.onApplicationBootstrap();
});
afterEach(() => vi.useRealTimers());

let made = 0;
function body(bytes = 10): KeptBody {
  const content = Buffer.alloc(bytes);
  return {
    organizationId: 'org_1',
    keyId: 'key_1',
    requestId: `req_${++made}`,
    kind: 'request',
    occurredAtMs: 0,
    content,
    bytes,
  };
}

function add(count: number, bytes?: number): string[] {
  const added = Array.from({ length: count }, () => body(bytes));
  for (const one of added) queue.add(one);
  return added.map(({ requestId }) => requestId);
}

async function dropped(): Promise<number | undefined> {
  const metric = await registry.getSingleMetric('latchkey_request_bodies_dropped_total')?.get();
  return metric?.values[0]?.value;
}

const failsWith = (error: Error) => (): Promise<void> => Promise.reject(error);
const refusal = Object.assign(new Error('value too long'), { code: '22001' });

describe('BodyQueue', () => {
  it('stores what is added within a moment, in order and in batches of half a MiB', async () => {
    const ids = add(20, 64 * KIB);
    expect(bodies.batches).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(bodies.ids).toEqual(ids);
    expect(bodies.batches.map(({ length }) => length)).toEqual([7, 7, 6]);
  });

  it('stores one that is larger than a batch by itself', async () => {
    const ids = add(2, 600 * KIB);
    await vi.advanceTimersByTimeAsync(200);
    expect(bodies.ids).toEqual(ids);
    expect(bodies.batches).toHaveLength(2);
  });

  it('keeps all while PostgreSQL fails, up to 16 MiB, and drops and counts what has no room', async () => {
    bodies.behaviour = failsWith(new Error('connection refused'));
    const ids = add(400, 64 * KIB);
    await vi.advanceTimersByTimeAsync(30_000);
    const kept = (16 * KIB * KIB) / (64 * KIB + 512);
    expect(await dropped()).toBe(400 - Math.floor(kept));
    bodies.behaviour = () => Promise.resolve();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(bodies.ids).toEqual(ids.slice(0, Math.floor(kept)));
    // And there is room again.
    const [next] = add(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(bodies.ids.at(-1)).toBe(next);
  });

  it('warns once a minute, and says how many were dropped', async () => {
    bodies.behaviour = () => new Promise(() => undefined);
    add(300, 64 * KIB);
    // 254 of them have room.
    expect(warnings).toMatchObject([{ dropped: 1 }]);
    await vi.advanceTimersByTimeAsync(60_000);
    add(1, 64 * KIB);
    expect(warnings).toHaveLength(2);
    expect(warnings[1]).toMatchObject({ dropped: 46, reason: 'PostgreSQL does not keep up' });
  });

  it('drops a batch that PostgreSQL refuses, and goes on with the next', async () => {
    let calls = 0;
    bodies.behaviour = () =>
      ++calls === 1
        ? Promise.reject(new QueryFailedError('INSERT', [], refusal))
        : Promise.resolve();
    const ids = add(10, 64 * KIB);
    await vi.advanceTimersByTimeAsync(200);
    expect(bodies.ids).toEqual(ids.slice(7));
    expect(await dropped()).toBe(7);
  });

  it('stores at once for somebody who waits, who waits no longer than he said', async () => {
    const ids = add(1);
    await queue.flush(1_000);
    expect(bodies.ids).toEqual(ids);
    bodies.behaviour = () => new Promise(() => undefined);
    add(1);
    const waiting = queue.flush(1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    await waiting;
  });

  it('stores what is left when the process stops, and counts what it can’t within five seconds', async () => {
    const ids = add(3);
    await queue.onApplicationShutdown();
    expect(bodies.ids).toEqual(ids);
    bodies.behaviour = () => new Promise(() => undefined);
    add(2);
    const stopping = queue.onApplicationShutdown();
    await vi.advanceTimersByTimeAsync(5_000);
    await stopping;
    expect(await dropped()).toBe(2);
  });
});
