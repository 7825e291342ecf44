import { chmod, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startTestApp, type TestApp } from '../support/app.js';
import { blocksOf, isInstalled, runProgram } from '../support/doc-blocks.js';
import { finishedExport } from '../support/exports.js';

const CLI = fileURLToPath(new URL('../../dist/src/cli.js', import.meta.url));
const missing = ['jq', 'curl'].filter((program) => !isInstalled(program));
const [verifyNewest = '', verifyMany = '', askForExport = '', verifyExport = ''] = blocksOf(
  'docs/audit-verification.md',
  'sh',
);

/** The commands of docs/audit-verification.md as they stand there, in one folder. */
describe.skipIf(missing.length > 0)('docs/audit-verification.md', () => {
  let folder: string;
  let app: TestApp;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-audit-docs-'));
    const command = join(folder, 'latchkey');
    await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`);
    await chmod(command, 0o755);
    app = await startTestApp();
    for (let count = 0; count < 5; count++) await app.keyWith();
    await run(askForExport);
    await finishedExport(app, (await readFile(join(folder, 'export.id'), 'utf8')).trim());
    await cp(join(folder, 'checkpoints.txt'), join(folder, 'newest-checkpoint.txt'));
  });
  afterAll(async () => {
    await app.close();
    await rm(folder, { recursive: true });
  });

  function run(commands: string): Promise<string> {
    const here = commands.replaceAll('http://127.0.0.1:3000', app.origin);
    const env = { PATH: `${folder}:${process.env.PATH ?? ''}`, LATCHKEY_KEY: app.masterKey };
    return runProgram('sh', ['-e', '-u', '-c', here], { cwd: folder, env });
  }

  it.each([
    ['one checkpoint', verifyNewest],
    ['many checkpoints', verifyMany],
  ])('verifies the log by the API against %s', async (_, commands) => {
    expect(JSON.parse(await run(commands))).toMatchObject({ valid: true, first_invalid: null });
  });

  it('verifies an export with nothing but its files', async () => {
    const report = await run(verifyExport);
    const entries = (await readFile(join(folder, 'export.ndjson'), 'utf8')).split('\n').length - 1;
    const note = await readFile(join(folder, 'checkpoints.txt'), 'utf8');
    const vouched = Number(note.split('\n')[1]);
    expect(vouched).toBeGreaterThan(4);
    expect(report).toContain(`${entries} entries were verified, from 1 to ${entries}.`);
    expect(report).toContain(`Checkpoints vouch for ${vouched} of them.`);
  });

  it('finds what was changed in one, and ends with 1', async () => {
    const changed = verifyExport.replace(
      /^latchkey/m,
      `sed -i 's/"name":"test"/"name":"toast"/' export.ndjson\nlatchkey`,
    );
    await expect(run(changed)).rejects.toThrow('ended with 1');
  });
});
