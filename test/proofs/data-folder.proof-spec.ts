/** A data folder has one process; whoever else starts on it is told which, in words. */
import { hostname } from 'node:os';
import { afterEach, expect, it } from 'vitest';

import { endGateways, GatewayProcess, newInstallation } from '../support/gateway-process.js';
import { createTestDatabase } from '../support/postgres.js';

afterEach(endGateways);

it('a second start on a data folder says which process has it, and does the first no harm', async () => {
  const database = await createTestDatabase();
  const installation = newInstallation(database.url);
  const first = await GatewayProcess.start(installation);
  const { dataFolder } = first;

  const second = new GatewayProcess(installation, { dataFolder });
  expect(await second.ended).toEqual({ code: 1, signal: null });
  const [message, ...rest] = second.output.trim().split('\n');
  expect(message).toContain(
    `The data folder ${dataFolder} is in use by process ${first.pid} on ${hostname()}`,
  );
  expect(message).toContain('LATCHKEY_DATA_DIR');
  expect(rest).toEqual([]);

  expect((await first.call('GET', '/health/ready')).status).toBe(200);
  await first.end('SIGKILL');
  const third = await GatewayProcess.start(installation, { dataFolder });
  expect(await third.end('SIGTERM')).toEqual({ code: 0, signal: null });
  const fourth = await GatewayProcess.start(installation, { dataFolder });
  expect(await fourth.end('SIGINT')).toEqual({ code: 0, signal: null });
  await database.drop();
});
