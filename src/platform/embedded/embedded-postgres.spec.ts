import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { DataFolder } from './data-folder.js';
import { EmbeddedPostgres } from './embedded-postgres.js';
import { runProgram } from './run-program.js';

const QUICK = { fsync: 'off', shared_buffers: '16MB' };
const quiet = { info: () => undefined, warn: () => undefined };
const folderPath = join(tmpdir(), `latchkey-spec-${randomUUID()}`);

async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows[0] as Row;
  } finally {
    await client.end();
  }
}

async function pidFileLines(): Promise<string[]> {
  return (await readFile(join(folderPath, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
}

describe('EmbeddedPostgres', () => {
  let folder: DataFolder;
  let server: EmbeddedPostgres;
  let exits: string[];
  const start = async (): Promise<EmbeddedPostgres> =>
    EmbeddedPostgres.start({
      folder,
      logger: quiet,
      settings: QUICK,
      onExit: (how) => exits.push(how),
    });

  beforeAll(async () => {
    exits = [];
    folder = await DataFolder.claim(folderPath);
    server = await start();
  }, 60_000);

  afterAll(async () => {
    await server.stop();
    await folder.release();
    await rm(folderPath, { recursive: true, force: true });
  }, 60_000);

  it('answers on 127.0.0.1 only, has no socket file, and keeps text in UTF-8', async () => {
    const [, , , port, sockets, address] = await pidFileLines();
    const url = new URL(server.url.reveal());
    expect([url.hostname, url.port]).toEqual([address, port]);
    expect([address, sockets]).toEqual(['127.0.0.1', '']);
    const settings = await query(
      server.url.reveal(),
      `SELECT current_setting('listen_addresses') AS addresses, current_database() AS database,
        lower('ÄÖ') AS lowered,
        pg_encoding_to_char(encoding) AS encoding, current_setting('TimeZone') AS zone
        FROM pg_database WHERE datname = current_database()`,
    );
    expect(settings).toEqual({
      addresses: '127.0.0.1',
      database: 'latchkey',
      lowered: 'äö',
      encoding: 'UTF8',
      zone: 'UTC',
    });
  });

  it('lets nobody in without the password', async () => {
    const url = new URL(server.url.reveal());
    for (const [user, password] of [
      ['latchkey', 'wrong'],
      ['postgres', ''],
      ['postgres', url.password],
    ] as const) {
      url.username = user;
      url.password = password;
      await expect(query(url.href, 'SELECT 1')).rejects.toThrow();
    }
  });

  it('gives the application a role that row-level security applies to', async () => {
    const role = await query(
      server.url.reveal(),
      'SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user',
    );
    expect(role).toEqual({ rolsuper: false, rolbypassrls: false, rolcreaterole: false });
  });

  it('keeps its files from other users, and leaves nothing unfinished', async () => {
    const names = (await readdir(folderPath)).sort();
    expect(names).toEqual([
      expect.stringMatching(/^latchkey\.lock\.\d+$/),
      'postgres',
      'postgres-password',
      'postgres.log',
    ]);
    const modeOf = async (name: string): Promise<number> =>
      (await stat(join(folderPath, name))).mode & 0o777;
    expect(await modeOf('postgres')).toBe(0o700);
    expect(await modeOf('postgres-password')).toBe(0o600);
    expect(await modeOf('postgres.log')).toBe(0o600);
  });

  it('shows its password neither in the list of processes nor in its log', async () => {
    const { password } = new URL(server.url.reveal());
    const [pid = ''] = await pidFileLines();
    const { output } = await runProgram('/bin/ps', ['-ww', '-o', 'command=', '-p', pid], {
      account: null,
      timeoutMs: 5000,
    });
    expect(output).toContain('postgres');
    expect(output).not.toContain(password);
    expect(await readFile(join(folderPath, 'postgres.log'), 'utf8')).not.toContain(password);
  });

  it('keeps the data over a stop and a start, and its log within bounds', async () => {
    await query(server.url.reveal(), 'CREATE TABLE kept AS SELECT 42 AS answer');
    await server.stop();
    await server.stop();
    expect(exits).toEqual([]);
    await writeFile(join(folderPath, 'postgres.log'), Buffer.alloc(11 * 1024 * 1024, 'x'));
    server = await start();
    expect(await query(server.url.reveal(), 'SELECT answer FROM kept')).toEqual({ answer: 42 });
    expect((await stat(join(folderPath, 'postgres.log'))).size).toBeLessThan(100_000);
  }, 60_000);

  it('says so when the server ends by itself, and starts over what that left', async () => {
    const [pid] = await pidFileLines();
    process.kill(Number(pid), 'SIGKILL');
    await expect.poll(() => exits, { timeout: 10_000 }).toEqual(['SIGKILL']);
    server = await start();
    expect(await query(server.url.reveal(), 'SELECT answer FROM kept')).toEqual({ answer: 42 });
  }, 60_000);

  it('is not kept from starting by a pid file that names an unrelated process', async () => {
    await server.stop();
    const cluster = join(folderPath, 'postgres');
    const lines = [process.pid, cluster, 1, 5432, '', '127.0.0.1', '1 1', 'ready', ''];
    await writeFile(join(cluster, 'postmaster.pid'), lines.join('\n'));
    server = await start();
    expect(await query(server.url.reveal(), 'SELECT answer FROM kept')).toEqual({ answer: 42 });
  }, 60_000);

  it('refuses a cluster of another major version', async () => {
    await server.stop();
    const versionFile = join(folderPath, 'postgres', 'PG_VERSION');
    const version = await readFile(versionFile, 'utf8');
    await writeFile(versionFile, '12\n');
    await expect(start()).rejects.toThrow(/made by PostgreSQL 12/);
    await writeFile(versionFile, version);
    server = await start();
  }, 60_000);

  it('does not touch a folder named postgres that is no cluster', async () => {
    const path = `${folderPath}-other`;
    await mkdir(join(path, 'postgres'), { recursive: true });
    await chmod(path, 0o755);
    await writeFile(join(path, 'postgres', 'notes.txt'), 'mine');
    const other = await DataFolder.claim(path);
    try {
      await expect(
        EmbeddedPostgres.start({ folder: other, logger: quiet, settings: QUICK }),
      ).rejects.toThrow(/not a PostgreSQL cluster/);
      expect(await readFile(join(path, 'postgres', 'notes.txt'), 'utf8')).toBe('mine');
    } finally {
      await other.release();
      await rm(path, { recursive: true, force: true });
    }
  }, 60_000);
});
