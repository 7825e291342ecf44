import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import type { Secret } from '#common/secret/secret.js';
import { FirstBootProviders } from '#modules/catalog/index.js';
import { BootstrapMasterKey } from '#modules/keys/index.js';
import { DefaultOrganization } from '#modules/organizations/index.js';
import type { Config } from '#platform/config/env.js';
import { Actors, systemActor } from '#platform/audit-trail/actor.js';
import { InstallationCanary } from '#platform/crypto/installation-canary.js';
import { createHttpApp } from '#platform/http/http-app.js';
import type { Logger } from '#platform/observability/logger.js';

import { AppModule } from './app.module.js';
import { Cleanups, layFoundations } from './foundations.js';

export type RunningSystem = {
  /** Where it listens: `http://127.0.0.1:3000`. */
  readonly origin: string;
  /** The master key that this start has generated; `null` when there was one or it was given. */
  readonly newMasterKey: Secret | null;
  /** Finishes what is in flight, writes down what must not be lost, and ends everything that was started. */
  stop(): Promise<void>;
};

/**
 * Starts the whole system: data folder, database, schema, application, first key. What was started is stopped again
 * when a later step fails.
 * @param onFailure the embedded database ended by itself
 * @param onServing is called before the first request can come, with what {@link RunningSystem.stop} does
 */
export async function startSystem(
  config: Config,
  logger: Logger,
  onFailure: (reason: string) => void,
  onServing: (stop: () => Promise<void>) => void = () => undefined,
): Promise<RunningSystem> {
  const cleanups = new Cleanups();
  try {
    const foundations = await layFoundations(config, logger, cleanups, onFailure);
    const app = await createHttpApp(AppModule.forRoot(foundations), config, logger);
    cleanups.add(() => app.close());
    await app.init();
    await app.get(InstallationCanary).check();
    const newMasterKey =
      config.role === 'worker'
        ? null
        : await app.get(Actors).act(systemActor('start'), () => firstBoot(app));
    const listening = app.listen({ host: config.http.host, port: config.http.port });
    const stop = (): Promise<void> => cleanups.run();
    onServing(() => listening.then(stop));
    await listening;
    return { origin: await app.getUrl(), newMasterKey, stop };
  } catch (error) {
    await cleanups.run();
    throw error;
  }
}

/** What only the first start of an installation does; every later one finds it done. */
async function firstBoot(app: NestFastifyApplication): Promise<Secret | null> {
  const { isFirst, generated } = await app.get(BootstrapMasterKey).ensure();
  if (isFirst) {
    const organizationId = await app.get(DefaultOrganization).ensure();
    await app.get(FirstBootProviders).openFromEnvironment(organizationId);
  }
  return generated;
}
