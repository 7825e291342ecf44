import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startTestApp, type TestApp } from '../../support/app.js';
import { blocksOf, isInstalled, runProgram } from '../../support/doc-blocks.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

describe.skipIf(!isInstalled('curl'))('docs/environments.md', () => {
  it('has lines that work as they stand', async () => {
    const env = { LATCHKEY_KEY: await app.keyWith({ access_level: 'admin' }) };
    const blocks = blocksOf('docs/environments.md', 'sh');
    expect(blocks).toHaveLength(1);
    for (const block of blocks) {
      const script = block.replaceAll('http://127.0.0.1:3000', app.origin);
      expect(JSON.parse(await runProgram('bash', ['-ec', script], { env }))).toMatchObject({
        environment: 'staging',
        rules: { max_lifetime_days: 90 },
        version: 1,
      });
    }
  });
});
