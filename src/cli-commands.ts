import { type DynamicModule, type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { readFile, writeFile } from 'node:fs/promises';

import { Secret } from '#common/secret/secret.js';
import { CheckpointSigner, type FilesToVerify, verifyFiles } from '#modules/audit/index.js';
import { verifyLedger } from '#modules/billing/index.js';
import { BootstrapMasterKey } from '#modules/keys/index.js';
import { type Days, RollupRebuild, SpoolReplay, UsageReplayModule } from '#modules/usage/index.js';
import { Actors, systemActor } from '#platform/audit-trail/actor.js';
import { ConfigModule } from '#platform/config/config.module.js';
import { loadEnv } from '#platform/config/env.js';
import { ROOT_KEY_BYTES, RootKey } from '#platform/crypto/root-key.js';
import { InstallationCanary } from '#platform/crypto/installation-canary.js';
import { DatabaseModule } from '#platform/database/database.module.js';
import { previewApiDocument } from '#platform/http/openapi.js';
import { createLogger, NestLogger } from '#platform/observability/logger.js';
import { ObservabilityModule } from '#platform/observability/observability.module.js';

import { AppModule } from './app.module.js';
import { Cleanups, type Foundations, layFoundations } from './foundations.js';

type Environment = Readonly<Record<string, string | undefined>>;

export async function migrateDatabase(environment: Environment): Promise<void> {
  await withFoundations(environment, () => {
    process.stdout.write('The schema is up to date.\n');
    return Promise.resolve();
  });
}

export async function printMasterKey(environment: Environment): Promise<void> {
  await withApplication(
    environment,
    (foundations) => AppModule.forRoot(foundations),
    async (app) => {
      await app.get(InstallationCanary).check();
      const key = await app
        .get(Actors)
        .act(systemActor('latchkey keys create-master'), () =>
          app.get(BootstrapMasterKey).issueAnother(),
        );
      process.stdout.write(`${key.reveal()}\n`);
    },
  );
}

/** The way to PostgreSQL, and nothing that would claim this machine's own spool. */
@Module({})
class ReplayModule {
  static forRoot({ config, databaseUrl, logger }: Foundations): DynamicModule {
    return {
      module: ReplayModule,
      imports: [
        ConfigModule.forRoot(config),
        ObservabilityModule.forRoot(logger),
        DatabaseModule.forRoot(databaseUrl),
        UsageReplayModule,
      ],
    };
  }
}

export async function replaySpool(environment: Environment, directory: string): Promise<void> {
  await withApplication(
    environment,
    (foundations) => ReplayModule.forRoot(foundations),
    async (app) => {
      const reports = await app.get(SpoolReplay).replay(directory);
      process.stdout.write(`${JSON.stringify(reports, null, 2)}\n`);
    },
  );
}

export async function rebuildUsage(environment: Environment, days: Days): Promise<void> {
  await withApplication(
    environment,
    (foundations) => ReplayModule.forRoot(foundations),
    async (app) => {
      let count = 0;
      await app.get(RollupRebuild).rebuild(days, (day) => {
        count++;
        process.stdout.write(`${day}\n`);
      });
      process.stdout.write(`Sums of ${count} ${count === 1 ? 'day' : 'days'} made anew.\n`);
    },
  );
}

/** Offline: only these files are opened. */
export async function verifyAuditExport(files: FilesToVerify): Promise<void> {
  const { isValid, text } = await verifyFiles(files);
  process.stdout.write(`${text}\n${isValid ? 'valid' : 'NOT VALID'}\n`);
  if (!isValid) process.exitCode = 1;
}

export async function printAuditKey(environment: Environment): Promise<void> {
  await withFoundations(environment, ({ rootKey }) => {
    process.stdout.write(`${new CheckpointSigner(rootKey).publicKey}\n`);
    return Promise.resolve();
  });
}

/** Prints what is wrong, one finding a line as JSON, and fails then. */
export async function printLedgerFindings(environment: Environment): Promise<void> {
  await withFoundations(environment, async ({ databaseUrl }) => {
    const findings = await verifyLedger(databaseUrl);
    for (const one of findings) process.stdout.write(`${JSON.stringify(one)}\n`);
    process.stdout.write(findings.length === 0 ? 'All sums agree.\n' : 'NOT VALID\n');
    if (findings.length > 0) process.exitCode = 1;
  });
}

export async function writeApiDocument(file: string | null): Promise<void> {
  const document = await renderApiDocument();
  if (file === null) process.stdout.write(document);
  else await writeFile(file, document);
}

export async function checkApiDocument(file: string): Promise<void> {
  if ((await readFile(file, 'utf8')) === (await renderApiDocument())) return;
  process.stderr.write(`${file} is not current. Run: npm run openapi\n`);
  process.exitCode = 1;
}

async function renderApiDocument(): Promise<string> {
  // The document describes the routes; nothing of the system is started for it.
  const module = AppModule.forRoot({
    config: loadEnv({}),
    logger: createLogger('silent'),
    databaseUrl: new Secret(''),
    rootKey: new RootKey(new Secret(Buffer.alloc(ROOT_KEY_BYTES))),
  });
  return `${JSON.stringify(await previewApiDocument(module), null, 2)}\n`;
}

async function withApplication(
  environment: Environment,
  moduleOf: (foundations: Foundations) => DynamicModule,
  work: (app: INestApplicationContext) => Promise<void>,
): Promise<void> {
  await withFoundations(environment, async (foundations) => {
    const app = await NestFactory.createApplicationContext(moduleOf(foundations), {
      logger: new NestLogger(foundations.logger),
      abortOnError: false,
    });
    try {
      await work(app);
    } finally {
      await app.close();
    }
  });
}

async function withFoundations(
  environment: Environment,
  work: (foundations: Foundations) => Promise<void>,
): Promise<void> {
  const config = loadEnv(environment);
  const cleanups = new Cleanups();
  const fail = (reason: string): void => {
    throw new Error(reason);
  };
  try {
    await work(await layFoundations(config, createLogger('warn'), cleanups, fail));
  } finally {
    await cleanups.run();
  }
}
