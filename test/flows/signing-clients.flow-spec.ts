/** The clients of docs/signing.md, run as they stand there. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startTestApp, type TestApp } from '../support/app.js';
import type { SigningKey } from '../support/signer.js';

const PAGE = new URL('../../docs/signing.md', import.meta.url);
const CLIENTS = [
  {
    heading: 'curl and openssl',
    language: 'sh',
    file: 'client.sh',
    programs: ['sh', 'openssl', 'curl'],
  },
  { heading: 'Node', language: 'js', file: 'client.mjs', programs: [process.execPath] },
  { heading: 'Python', language: 'python', file: 'client.py', programs: ['python3'] },
];

let app: TestApp;
let key: SigningKey;
let folder: string;
beforeAll(async () => {
  app = await startTestApp();
  folder = await mkdtemp(join(tmpdir(), 'latchkey-clients-'));
  const security = { authentication: { require_signature: true } };
  key = (await app.call('POST', '/v1/keys', { body: { name: 'signs', security } }))
    .body as SigningKey;
});
afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

function isThere(program: string): boolean {
  try {
    execFileSync(program, [program === 'openssl' ? 'version' : '--version'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    // Some shells know no --version, but they are there.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

async function codeBelow(heading: string, language: string): Promise<string> {
  const [, section = ''] = (await readFile(PAGE, 'utf8')).split(`\n### ${heading}\n`);
  const [, code = ''] = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'ms').exec(section) ?? [];
  expect(code).not.toBe('');
  return code;
}

type Ran = { readonly status: unknown; readonly output: string };

function run(program: string, file: string, signingSecret: string): Promise<Ran> {
  const env = {
    PATH: process.env.PATH,
    LATCHKEY_URL: app.origin,
    LATCHKEY_KEY: key.key,
    LATCHKEY_KEY_ID: key.id,
    LATCHKEY_SIGNING_SECRET: signingSecret,
  };
  return new Promise((resolve) => {
    execFile(program, [file], { env, timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ status: error ? error.code : 0, output: stdout + stderr });
    });
  });
}

describe.each(CLIENTS)('the client for $heading', ({ heading, language, file, programs }) => {
  const missing = programs.filter((program) => !isThere(program));
  const skipped = missing.length > 0 ? ` (skipped: there is no ${missing.join(', no ')})` : '';
  const runner = language === 'sh' ? 'sh' : (programs[0] as string);

  it.skipIf(missing.length > 0)(`is served, twice${skipped}`, async () => {
    const path = join(folder, file);
    await writeFile(path, await codeBelow(heading, language));
    for (let time = 0; time < 2; time++) {
      const { status, output } = await run(runner, path, key.signing_secret);
      expect([status, output]).toEqual([0, expect.stringContaining('"chat.completion"')]);
    }
  });

  it.skipIf(missing.length > 0)(`fails with another secret${skipped}`, async () => {
    const { status, output } = await run(runner, join(folder, file), 'lsig_another');
    expect(status).not.toBe(0);
    expect(output).toMatch(/signature_invalid|401/);
  });
});
