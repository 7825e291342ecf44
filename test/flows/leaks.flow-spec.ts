import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codeOf, startTestApp, type TestApp } from '../support/app.js';
import { blocksOf, isInstalled, runProgram } from '../support/doc-blocks.js';

const missing = ['openssl', 'curl'].filter(
  (program) => !isInstalled(program, program === 'openssl' ? 'version' : '--version'),
);
const [setUp = '', report = '', changePolicy = ''] = blocksOf('docs/leaks.md', 'sh');

/** The commands of docs/leaks.md as they stand there, in one folder, one after the other. */
describe.skipIf(missing.length > 0)('docs/leaks.md', () => {
  let folder: string;
  let app: TestApp;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-leaks-'));
    await run(setUp);
    app = await startTestApp({
      env: { LATCHKEY_LEAK_PUBLIC_KEYS: join(folder, 'leak-keys.json') },
    });
  });
  afterAll(async () => {
    await app.close();
    await rm(folder, { recursive: true });
  });

  function run(commands: string, env: Record<string, string> = {}): Promise<string> {
    return runProgram('sh', ['-e', '-u', '-c', commands], { cwd: folder, env });
  }

  async function call(commands: string, env: Record<string, string>): Promise<unknown> {
    return JSON.parse(await run(commands.replaceAll('http://127.0.0.1:3000', app.origin), env));
  }

  it('makes a key set', async () => {
    expect(JSON.parse(await readFile(join(folder, 'leak-keys.json'), 'utf8'))).toMatchObject({
      public_keys: [{ key_identifier: 'scanner-1', is_current: true }],
    });
  });

  it('reports a key, which is of no use then', async () => {
    const key = await app.keyWith();
    const answer = await call(report, { LEAKED_KEY: key });
    const [shown = ''] = blocksOf('docs/leaks.md', 'json');
    expect(answer).toEqual(JSON.parse(shown));
    expect(codeOf(await app.call('GET', '/v1/key', { key }))).toBe('revoked_api_key');
  });

  it('has keys disabled instead, where the organization wants that', async () => {
    const admin = await app.keyWith({ access_level: 'admin' });
    const self = await app.call('GET', '/v1/key', { key: admin });
    const { organization_id: id } = self.body as { organization_id: string };
    const changed = await call(changePolicy, { ADMIN_KEY: admin, ORGANIZATION_ID: id });
    expect(changed).toMatchObject({ id, leaked_keys: 'disable' });
    const key = await app.keyWith();
    const answer = await call(report, { LEAKED_KEY: key });
    expect(answer).toEqual({ leaks: [{ outcome: 'disabled' }] });
    expect(codeOf(await app.call('GET', '/v1/key', { key }))).toBe('key_disabled');
  });
});
