import { fastify, type FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { boundDrain } from './drain.js';

const DRAIN_MS = 300;
const clients: Socket[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
});

/** A server whose `/slow` takes as long as it is told. */
async function serve(slowMs: number): Promise<FastifyInstance> {
  const app = fastify({ forceCloseConnections: 'idle' });
  boundDrain(app, DRAIN_MS);
  app.get('/slow', async () => {
    await sleep(slowMs);
    return 'whole';
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return app;
}

/** A connection on which `bytes` are sent; what comes back is collected in `said`. */
async function open(app: FastifyInstance, bytes: string): Promise<{ said: () => string }> {
  const { port } = app.server.address() as AddressInfo;
  const accepted = once(app.server, 'connection');
  const client = connect(port, '127.0.0.1');
  clients.push(client);
  let said = '';
  client.on('data', (chunk: Buffer) => (said += chunk.toString())).on('error', () => undefined);
  await accepted;
  if (bytes !== '') client.write(bytes);
  await sleep(20);
  return { said: () => said };
}

async function closingTime(app: FastifyInstance): Promise<number> {
  const began = performance.now();
  await app.close();
  return performance.now() - began;
}

describe('boundDrain', () => {
  it('does not wait for a connection on which nothing was ever sent', async () => {
    const app = await serve(0);
    await open(app, '');
    expect(await closingTime(app)).toBeLessThan(DRAIN_MS);
  });

  it('lets a call in flight end', async () => {
    const app = await serve(100);
    const inFlight = once(app.server, 'request');
    const { said } = await open(app, 'GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
    await inFlight;
    expect(await closingTime(app)).toBeLessThan(DRAIN_MS);
    await vi.waitFor(() => expect(said()).toMatch(/^HTTP\/1.1 200 [^]*whole$/));
  });

  it('cuts a request that never ends, and an answer that does not, once the time is over', async () => {
    const app = await serve(5_000);
    await open(app, 'GET /slow HTTP/1.1\r\nhost');
    await open(app, 'GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
    const time = await closingTime(app);
    expect(time).toBeGreaterThanOrEqual(DRAIN_MS - 5);
    expect(time).toBeLessThan(2_000);
  });
});
