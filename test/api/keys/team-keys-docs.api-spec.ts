import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startTestApp, type TestApp } from '../../support/app.js';
import { blocksOf, isInstalled, runProgram } from '../../support/doc-blocks.js';
import { People } from '../../support/key-owners.js';

let app: TestApp;
let people: People;
beforeAll(async () => {
  app = await startTestApp();
  people = await People.of(app);
});
afterAll(async () => {
  await people.close();
  await app.close();
});

describe.skipIf(!isInstalled('curl'))('docs/team-keys.md', () => {
  it('has lines that work as they stand', async () => {
    const team = await people.team();
    const env = {
      LATCHKEY_KEY: app.masterKey,
      TEAM: team,
      PROJECT: await people.project(team),
      USER_ID: await people.user(),
    };
    const [create = '', reports = ''] = blocksOf('docs/team-keys.md', 'sh').map((block) =>
      block.replaceAll('http://127.0.0.1:3000', app.origin),
    );
    const made = JSON.parse(await runProgram('bash', ['-ec', create], { env })) as { id: string };
    expect(made).toMatchObject({ type: 'team', scope: { team_id: team } });
    const lines = reports.trim().split('\n');
    const answers: unknown[] = [];
    for (const line of lines)
      answers.push(JSON.parse(await runProgram('bash', ['-ec', line], { env })));
    expect(answers[0]).toMatchObject({ data: [{ id: made.id }] });
    expect(answers[1]).toMatchObject({ data: [] });
    expect(answers[2]).toMatchObject({ groups: [] });
  });
});
