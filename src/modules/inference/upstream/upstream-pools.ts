import { Injectable, type OnApplicationShutdown, Inject } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { buildConnector, Pool } from 'undici';

import type { ProviderEndpoint } from '#modules/catalog/index.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { guardedConnector } from '#platform/http/outbound/guarded-connector.js';

const MAX_POOLS = 256;
const MAX_CONNECTIONS_PER_ORIGIN = 512;
const KEEP_ALIVE_MS = 30_000;
const MAX_HEADER_BYTES = 64 * 1024;

/** Kept-alive connections to providers, one pool per origin. Redirects are not followed and proxy variables not read. */
@Injectable()
export class UpstreamPools implements OnApplicationShutdown {
  readonly #pools = new LRUCache<string, Pool>({
    max: MAX_POOLS,
    // Calls in flight are finished; undici closes the pool when they are.
    dispose: (pool) => void pool.close(),
  });

  readonly #keys = new WeakMap<ProviderEndpoint, string>();

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  of(endpoint: ProviderEndpoint): Pool {
    const { origin, timeouts } = endpoint;
    const key = this.#keyOf(endpoint);
    const known = this.#pools.get(key);
    if (known) return known;
    const connect = buildConnector({ timeout: timeouts.connectMs, keepAlive: true });
    const pool = new Pool(origin, {
      connections: MAX_CONNECTIONS_PER_ORIGIN,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      connect: this.config.allowPrivateTargets ? connect : guardedConnector(timeouts.connectMs),
    });
    this.#pools.set(key, pool);
    return pool;
  }

  #keyOf(endpoint: ProviderEndpoint): string {
    let key = this.#keys.get(endpoint);
    if (key === undefined) {
      key = `${endpoint.timeouts.connectMs} ${endpoint.origin}`;
      this.#keys.set(endpoint, key);
    }
    return key;
  }

  async onApplicationShutdown(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }
}
