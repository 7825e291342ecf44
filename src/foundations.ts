import { randomBytes } from 'node:crypto';

import { Secret } from '#common/secret/secret.js';
import type { Config } from '#platform/config/env.js';
import { ROOT_KEY_BYTES, RootKey } from '#platform/crypto/root-key.js';
import { migrate } from '#platform/database/migrate.js';
import { DataFolder } from '#platform/embedded/data-folder.js';
import { EmbeddedPostgres } from '#platform/embedded/embedded-postgres.js';
import type { Logger } from '#platform/observability/logger.js';

const SECRET_KEY_FILE = 'secret-key';

/** What has to be there before any part of the application is put together. */
export type Foundations = {
  readonly config: Config;
  readonly logger: Logger;
  readonly databaseUrl: Secret;
  readonly rootKey: RootKey;
};

/** Steps that undo what was started, run from the last to the first. */
export class Cleanups {
  readonly #steps: (() => Promise<void>)[] = [];

  add(step: () => Promise<void>): void {
    this.#steps.push(step);
  }

  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) await step();
  }
}

/**
 * Claims the data folder, starts the embedded database where none is given, and brings the schema up to date.
 * @param onDatabaseExit the embedded database ended by itself; nothing can be promised any more
 */
export async function layFoundations(
  config: Config,
  logger: Logger,
  cleanups: Cleanups,
  onDatabaseExit: (reason: string) => void,
): Promise<Foundations> {
  const folder = await DataFolder.claim(config.dataDir);
  cleanups.add(() => folder.release());
  let { databaseUrl } = config;
  if (!databaseUrl) {
    const database = await EmbeddedPostgres.start({ folder, logger, onExit: onDatabaseExit });
    cleanups.add(() => database.stop());
    databaseUrl = database.url;
  }
  const rootKey = new RootKey(config.secretKey ?? (await ownSecretKey(folder)));
  await migrate(databaseUrl);
  return { config, logger, databaseUrl, rootKey };
}

/** The embedded installation's own secret key: made once, kept beside its data, readable by its user alone. */
async function ownSecretKey(folder: DataFolder): Promise<Secret<Buffer>> {
  const stored = await folder.readSecretFile(SECRET_KEY_FILE);
  if (stored) return new Secret(Buffer.from(stored.reveal(), 'base64'));
  const generated = randomBytes(ROOT_KEY_BYTES);
  await folder.writeSecretFile(SECRET_KEY_FILE, new Secret(generated.toString('base64')));
  return new Secret(generated);
}
