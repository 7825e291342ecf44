// @ts-check
/** A PostgreSQL that is filled fast, and gone with the bench. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DIST = new URL('../dist/src/', import.meta.url);
/** Nothing here has to survive a crash. */
const FILLING = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_wal_size: '8GB',
  autovacuum: 'off',
};

/** @param {string} path of a module of the build */
export const load = (path) => import(new URL(path, DIST).href);

/**
 * @param {import('./processes.mjs').Cleanups} cleanups
 * @param {Record<string, string>} [settings] of the server
 */
export async function startDatabase(cleanups, settings = FILLING) {
  const [{ DataFolder }, { EmbeddedPostgres }] = await Promise.all([
    load('platform/embedded/data-folder.js'),
    load('platform/embedded/embedded-postgres.js'),
  ]);
  const home = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  cleanups.add(() => rmSync(home, { recursive: true, force: true, maxRetries: 10 }));
  const folder = await DataFolder.claim(join(home, 'data'));
  const logger = { info: () => undefined, warn: console.warn };
  const server = await EmbeddedPostgres.start({ folder, logger, settings });
  cleanups.add(() => server.stop());
  return server.url.reveal();
}
