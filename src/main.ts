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
  // Before that a signal ends the start at once.
  const onServing = (stop: () => Promise<void>): void => {
    let isStopping = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (isStopping) return;
      isStopping = true;
      logger.info({ signal }, 'Stopping: finishing what is in flight');
      stop().then(
        () => process.exit(0),
        (error: unknown) => fail(error, 'Stopping failed'),
      );
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  };
  const onFailure = (reason: string): void => fail(new Error(reason), reason);
  const system = await startSystem(config, logger, onFailure, onServing);
  process.stdout.write(welcome(system, config));
}

main().catch((error: unknown) => {
  process.stderr.write(explainFailure(error));
  process.exit(1);
});
