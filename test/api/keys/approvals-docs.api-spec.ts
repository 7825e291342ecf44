import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startTestApp, type TestApp } from '../../support/app.js';
import { blocksOf, isInstalled, runProgram } from '../../support/doc-blocks.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(async () => {
  await app.close();
});

describe.skipIf(!isInstalled('curl'))('docs/approvals.md', () => {
  it('has lines that work as they stand', async () => {
    const keys = {
      LATCHKEY_KEY: await app.keyWith({ access_level: 'admin' }),
      APPROVER_KEY: await app.keyWith({ access_level: 'admin' }),
    };
    const [create = '', decide = '', widen = ''] = blocksOf('docs/approvals.md', 'sh').map(
      (block) => block.replaceAll('http://127.0.0.1:3000', app.origin),
    );
    const run = async (script: string, env: Record<string, string> = {}): Promise<unknown> =>
      JSON.parse(await runProgram('bash', ['-ec', script], { env: { ...keys, ...env } }));
    const made = (await run(create)) as { id: string };
    expect(made).toMatchObject({ status: 'pending_approval' });
    const env = { KEY_ID: made.id };
    const [list = '', approve = ''] = decide.trim().split('\n');
    expect(await run(list, env)).toMatchObject({ data: [{ kind: 'create', key_id: made.id }] });
    expect(await run(approve, env)).toMatchObject({ id: made.id, status: 'active' });
    expect(await run(widen, env)).toMatchObject({
      kind: 'widen',
      status: 'pending',
      fields: ['permissions.models.allowed'],
    });
  });
});
