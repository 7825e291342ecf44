import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { ProviderEndpoint } from '#modules/catalog/index.js';
import type { Config } from '#platform/config/env.js';

import { UpstreamPools } from './upstream-pools.js';

let server: Server;
let origin: string;
const opened: UpstreamPools[] = [];
beforeAll(async () => {
  server = createServer((_request, response) => response.end('here'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => Promise.all(opened.splice(0).map((pools) => pools.onApplicationShutdown())));
afterAll(() => void server.close());

function open(allowPrivateTargets: boolean): UpstreamPools {
  const pools = new UpstreamPools({ allowPrivateTargets } as Config);
  opened.push(pools);
  return pools;
}

function endpoint(at: string, connectMs = 1_000): ProviderEndpoint {
  return { origin: at, timeouts: { connectMs } } as ProviderEndpoint;
}

describe('UpstreamPools', () => {
  it('shares connections among the providers of one origin, and with no other', () => {
    const pools = open(true);
    const pool = pools.of(endpoint(origin));
    expect(pools.of(endpoint(origin))).toBe(pool);
    expect(pools.of(endpoint(origin, 2_000))).not.toBe(pool);
    expect(pools.of(endpoint('http://127.0.0.1:1'))).not.toBe(pool);
  });

  it('reaches private addresses only where that is allowed', async () => {
    const request = { path: '/', method: 'GET' } as const;
    const allowed = await open(true).of(endpoint(origin)).request(request);
    expect(await allowed.body.text()).toBe('here');
    await expect(open(false).of(endpoint(origin)).request(request)).rejects.toThrow();
  });

  it('keeps a bounded number of pools, and finishes what a closed one has begun', async () => {
    const pools = open(true);
    const first = pools.of(endpoint(origin));
    const call = first.request({ path: '/', method: 'GET' });
    for (let port = 1; port <= 256; port++) pools.of(endpoint(`http://127.0.0.1:${port}`));
    expect(pools.of(endpoint(origin))).not.toBe(first);
    expect(await (await call).body.text()).toBe('here');
    expect(first.closed).toBe(true);
  });

  it('ends everything at shutdown', async () => {
    const pools = open(true);
    const pool = pools.of(endpoint(origin));
    await pools.onApplicationShutdown();
    expect(pool.destroyed).toBe(true);
  });
});
