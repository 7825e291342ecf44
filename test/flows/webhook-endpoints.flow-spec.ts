/** The endpoints of docs/webhooks.md, run as they stand there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { startTestApp, type TestApp } from '../support/app.js';
import { blocksOf, isInstalled } from '../support/doc-blocks.js';

const PAGE = 'docs/webhooks.md';
const ENDPOINTS = [
  { language: 'js', file: 'endpoint.mjs', program: process.execPath },
  { language: 'python', file: 'endpoint.py', program: 'python3' },
];

let app: TestApp;
let folder: string;
const running: ChildProcess[] = [];
beforeAll(async () => {
  app = await startTestApp();
  folder = await mkdtemp(join(tmpdir(), 'latchkey-endpoints-'));
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    const gone = once(child, 'exit');
    child.kill();
    await gone;
  }
});
afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function listensOn(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
}

describe.each(ENDPOINTS)('the endpoint in $language', ({ language, file, program }) => {
  async function run(port: number, secret: string): Promise<() => string> {
    const path = join(folder, file);
    await writeFile(path, blocksOf(PAGE, language)[0] ?? '');
    const env = { PATH: process.env.PATH, PORT: String(port), WEBHOOK_SECRET: secret };
    const child = spawn(program, [path], { env, stdio: ['ignore', 'pipe', 'ignore'] });
    running.push(child);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await vi.waitFor(() => listensOn(port), 10_000);
    return () => output;
  }

  it.skipIf(!isInstalled(program))(
    'takes what is signed by its secret, also while that is rotated, and nothing else',
    async () => {
      const port = await freePort();
      const url = `http://127.0.0.1:${port}/`;
      const made = await app.call('POST', '/v1/webhooks', { body: { url, events: ['*'] } });
      const { id, secret } = made.body as { id: string; secret: string };
      const test = async (): Promise<unknown> =>
        (await app.call('POST', `/v1/webhooks/${id}/test`)).body;
      const output = await run(port, secret);
      expect(await test()).toMatchObject({ delivered: true, response_status: 204 });
      await vi.waitFor(() => expect(output()).toContain('webhook.test'), 5_000);
      await app.call('POST', `/v1/webhooks/${id}/rotate-secret`);
      expect(await test()).toMatchObject({ delivered: true });
      await app.call('POST', `/v1/webhooks/${id}/rotate-secret`);
      expect(await test()).toMatchObject({ delivered: false, response_status: 401 });
      // As one who does not know the secret would do it.
      const forged = await fetch(url, {
        method: 'POST',
        body: '{}',
        headers: {
          'webhook-id': 'msg_x',
          'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
          'webhook-signature': `v1,${randomBytes(32).toString('base64')}`,
        },
      });
      expect(forged.status).toBe(401);
    },
  );
});
