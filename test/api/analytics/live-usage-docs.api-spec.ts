import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startTestApp, type TestApp } from '../../support/app.js';
import { blocksOf, isInstalled, runProgram } from '../../support/doc-blocks.js';

const PAGE = 'docs/live-usage.md';
const NODE_MODULES = fileURLToPath(new URL('../../../node_modules', import.meta.url));

let app: TestApp;
let folder: string;
beforeAll(async () => {
  app = await startTestApp();
  folder = await mkdtemp(join(tmpdir(), 'latchkey-docs-'));
  await symlink(NODE_MODULES, join(folder, 'node_modules'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await app.close();
});

describe('docs/live-usage.md', () => {
  it('has a client for Node that prints what the key does', async () => {
    const made = await app.call('POST', '/v1/keys', { body: { name: 'watched' } });
    const { id, key } = made.body as { id: string; key: string };
    const [block = ''] = blocksOf(PAGE, 'js');
    const file = join(folder, 'watch.mjs');
    await writeFile(file, block);
    const env = {
      LATCHKEY_URL: app.origin,
      LATCHKEY_KEY: app.masterKey,
      KEY_ID: id,
      MESSAGES: '2',
    };
    const running = runProgram('node', [file], { env, cwd: folder });
    const use = setInterval(() => {
      const body = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello!' }] };
      void app.call('POST', '/v1/chat/completions', { key, body });
    }, 300);
    const printed = await running.finally(() => clearInterval(use));
    expect(printed.trim().split('\n')).toEqual(
      Array(2).fill(expect.stringMatching(/^\$0 for sandbox\/echo$/)),
    );
  });

  it('has a client for Python that is Python', async () => {
    if (!isInstalled('python3')) return;
    const [block = ''] = blocksOf(PAGE, 'python');
    await runProgram('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], {
      input: block,
    });
  });
});
