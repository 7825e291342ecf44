import { fastify, type FastifyInstance } from 'fastify';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';

import { AppError } from '#common/errors/app-error.js';

import { serveUpgrades, takeUpgrade } from './upgrades.js';

const clients: Socket[] = [];
const servers: FastifyInstance[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(): Promise<FastifyInstance> {
  const app = fastify({
    forceCloseConnections: true,
    serverFactory: (handler: RequestListener) => {
      const server = createServer(handler);
      serveUpgrades(server, handler);
      return server;
    },
  });
  app.get('/socket', (request, reply) => {
    const { socket, head } = takeUpgrade(request.raw, reply.raw);
    reply.hijack();
    socket.resume().on('end', () => socket.end());
    socket.write(`taken, behind it: ${head.toString()}`);
  });
  app.get('/plain', () => 'plain');
  app.get('/slow', async () => {
    await sleep(200);
    return 'slow';
  });
  app.post('/echo', (request) => request.body);
  app.setErrorHandler((error, _, reply) => {
    void reply.status(error instanceof AppError ? error.status : 500).send('refused');
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  servers.push(app);
  return app;
}

type Conversation = { said: string; isClosed: boolean; readonly client: Socket };

function converse(app: FastifyInstance, ...parts: readonly string[]): Conversation {
  const { port } = app.server.address() as AddressInfo;
  const client = connect(port, '127.0.0.1').setEncoding('utf8');
  clients.push(client);
  const conversation: Conversation = { said: '', isClosed: false, client };
  client.on('data', (text: string) => (conversation.said += text));
  client.on('close', () => (conversation.isClosed = true)).on('error', () => undefined);
  void (async () => {
    for (const part of parts) {
      client.write(part);
      await sleep(30);
    }
  })();
  return conversation;
}

function get(path: string, ...headers: string[]): string {
  return [`GET ${path} HTTP/1.1`, 'host: x', ...headers, '', ''].join('\r\n');
}

const WISH = [
  'connection: Upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  `sec-websocket-key: ${'A'.repeat(22)}==`,
];

describe('a request for a WebSocket', () => {
  it('is taken by its route, with what came behind it', async () => {
    const one = converse(await serve(), `${get('/socket', ...WISH)}more`);
    await expect.poll(() => one.said).toBe('taken, behind it: more');
    expect(one.isClosed).toBe(false);
  });

  it.each([
    ['/nothing', 404],
    ['/plain', 200],
  ])(
    'is answered in the ordinary way at %s, which is the end of its connection',
    async (path, status) => {
      const one = converse(await serve(), get(path, ...WISH));
      await expect.poll(() => one.isClosed).toBe(true);
      expect(one.said).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*connection: close`, 'i'));
    },
  );

  it.each([
    ['another version', WISH.map((line) => line.replace('13', '12'))],
    ['no version', WISH.filter((line) => !line.includes('version'))],
    ['no key', WISH.filter((line) => !line.includes('-key'))],
    ['a key that is none', WISH.map((line) => line.replace('AAAA', 'A'))],
    ['no wish', []],
  ])('is refused for %s', async (_, headers) => {
    const one = converse(await serve(), get('/socket', ...headers));
    await expect.poll(() => one.said).toMatch(/^HTTP\/1.1 400 [^]*refused/);
  });

  it('ends the connection when it comes before an earlier request is answered', async () => {
    const app = await serve();
    const one = converse(app, get('/slow') + get('/socket', ...WISH));
    await expect.poll(() => one.isClosed).toBe(true);
    expect(one.said).toBe('');
    const other = converse(app, get('/plain'));
    await expect.poll(() => other.said).toContain('plain');
  });

  it('harms nobody when its client is gone', async () => {
    const app = await serve();
    const one = converse(app, get('/slow', ...WISH));
    await sleep(50);
    one.client.resetAndDestroy();
    await sleep(250);
    const other = converse(app, get('/plain'));
    await expect.poll(() => other.said).toContain('plain');
  });
});

describe('a request for another protocol', () => {
  const H2C = ['connection: Upgrade, HTTP2-Settings', 'upgrade: h2c', 'http2-settings: AAMAAABk'];

  it('is answered in the ordinary way, and the connection goes on', async () => {
    const one = converse(await serve(), get('/plain', ...H2C), get('/plain'));
    await expect.poll(() => one.said.match(/HTTP\/1.1 200/g)?.length).toBe(2);
    expect(one.isClosed).toBe(false);
  });

  it.each([1, 2, 3])('is read to the end of its body, in %i parts', async (parts) => {
    const body = JSON.stringify({ text: 'x'.repeat(100_000) });
    const head = [
      'POST /echo HTTP/1.1',
      'host: x',
      'content-type: application/json',
      `content-length: ${body.length}`,
      ...H2C,
      '',
      '',
    ].join('\r\n');
    const cut = Math.ceil(body.length / parts);
    const pieces = Array.from({ length: parts }, (_, at) => body.slice(at * cut, (at + 1) * cut));
    const [first = '', ...rest] = pieces;
    const one = converse(await serve(), head + first, ...rest);
    await expect.poll(() => one.said.endsWith(body)).toBe(true);
    expect(one.said).toMatch(/^HTTP\/1.1 200/);
  });
});
