/** The clients of docs/rotation.md, run as they stand there, while their keys are rotated. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { blocksOf, isInstalled } from '../support/doc-blocks.js';

const ROTATIONS = 2;
const CALL = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello!' }] };
const CLIENTS = [
  { language: 'js', program: process.execPath, file: 'client.mjs' },
  { language: 'python', program: 'python3', file: 'client.py' },
];

let app: TestApp;
let database: pg.Pool;
let folder: string;
let proxy: Server;
/** Keys whose next claim is answered, and the answer lost. */
const losing = new Set<string>();
beforeAll(async () => {
  app = await startTestApp();
  database = new pg.Pool({ connectionString: app.databaseUrl });
  folder = await mkdtemp(join(tmpdir(), 'latchkey-rotation-clients-'));
  proxy = createServer((request, response) => {
    const { authorization = '', 'idempotency-key': attempt = '' } = request.headers;
    const key = authorization.slice('Bearer '.length);
    const headers = { 'idempotency-key': String(attempt) };
    void app.call('POST', request.url ?? '', { key, headers }).then(({ status, body }) => {
      if (status === 200 && losing.delete(key)) request.socket.destroy();
      else response.writeHead(status).end(JSON.stringify(body));
    });
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
});
afterAll(async () => {
  proxy.closeAllConnections();
  proxy.close();
  await database.end();
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

/** Calls with what is in the file, until it is told to stop; answers what was not served. */
async function callOn(file: string, signal: AbortSignal): Promise<Answer[]> {
  const refused: Answer[] = [];
  while (!signal.aborted) {
    const key = await readFile(file, 'utf8');
    const answer = await app.call('POST', '/v1/chat/completions', { key, body: CALL });
    if (answer.status !== 200) refused.push(answer);
    await sleep(20);
  }
  return refused;
}

describe.concurrent('a client that keeps itself up to date', () => {
  it.each(CLIENTS)(
    'is never refused, and loses no secret, in $language',
    async ({ language, program, file }) => {
      if (!isInstalled(program)) return;
      const made = await app.call('POST', '/v1/keys', { body: { name: language } });
      const { id, key } = made.body as { id: string; key: string };
      const body = { schedule: '0 3 1 * *', auto_update_apps: true };
      await app.call('POST', `/v1/keys/${id}/rotation`, { body });
      const keyFile = join(folder, `${language}.key`);
      await writeFile(keyFile, key);
      await writeFile(join(folder, file), blocksOf('docs/rotation.md', language)[0] ?? '');
      const { port } = proxy.address() as AddressInfo;
      const env = {
        PATH: process.env.PATH,
        KEY_FILE: keyFile,
        EVERY_SECONDS: '0.5',
        LATCHKEY_URL: `http://127.0.0.1:${port}`,
      };
      const client: ChildProcess = spawn(program, [join(folder, file)], { env, stdio: 'ignore' });
      const calling = new AbortController();
      const refused = callOn(keyFile, calling.signal);
      try {
        for (let turn = 0; turn < ROTATIONS; turn++) {
          const old = await readFile(keyFile, 'utf8');
          losing.add(old);
          await database.query('UPDATE key_rotations SET next_at = now() WHERE key_id = $1', [id]);
          const changed = async (): Promise<void> =>
            expect(await readFile(keyFile, 'utf8')).not.toBe(old);
          await vi.waitFor(changed, { timeout: 30_000, interval: 100 });
          expect(losing.has(old)).toBe(false);
        }
      } finally {
        calling.abort();
        client.kill();
        await once(client, 'exit');
      }
      expect(await refused).toEqual([]);
      const { rows } = await database.query(
        `SELECT sealed FROM api_key_secrets WHERE key_id = $1 ORDER BY created_at`,
        [id],
      );
      expect(rows).toEqual(Array.from({ length: ROTATIONS + 1 }, () => ({ sealed: null })));
    },
    90_000,
  );
});
