import 'reflect-metadata';

import { loadEnv } from '#platform/config/env.js';
import { createLogger } from '#platform/observability/logger.js';

import { explainFailure } from './explain-failure.js';
import { startSystem } from './system.js';
import { welcome } from './welcome.js';

async function main(): Promise<void> {
  const config = loadEnv(process.env);
  const logger = createLogger(config.logLevel);
  const fail = (error: unknown, message: string): void => {
    logger.fatal({ err: error }, message);
    process.exit(1);
  };
  process.on('uncaughtException', (error) => fail(error, 'An error that nothing handled'));
  const system = await startSystem(config, logger, (reason) => fail(new Error(reason), reason));
  process.stdout.write(welcome(system, config));

  let isStopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (isStopping) return;
    isStopping = true;
    logger.info({ signal }, 'Stopping: finishing what is in flight');
    system.stop().then(
      () => process.exit(0),
      (error: unknown) => fail(error, 'Stopping failed'),
    );
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
}

main().catch((error: unknown) => {
  process.stderr.write(explainFailure(error));
  process.exit(1);
});
