/** What the embedded PostgreSQL promises about crashes, users and folders, tried on real processes. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import {
  cleanUp,
  giveToOrdinary,
  IS_ROOT,
  killServer,
  makeCheckout,
  modeOf,
  ORDINARY,
  query,
  type Run,
  type RunOptions,
  serverPid,
  start,
  SYSTEM_HOME,
  unhydrate,
  writeUntilGone,
} from './embedded-postgres.harness.js';

let root: string;
let checkout: string;
const figures: string[] = [];

const run = (data: string, options: Partial<RunOptions> = {}): Run =>
  start(data, { from: checkout, ...options });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'latchkey-proof-'));
  await chmod(root, 0o755);
  checkout = join(root, 'checkout');
  await makeCheckout(checkout, 'linked');
});

afterEach(cleanUp);

afterAll(async () => {
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
  console.info(figures.join('\n'));
});

function note(text: string, ms = 0): void {
  figures.push(`embedded PostgreSQL: ${text} ${ms.toFixed(0)} ms`);
}

describe('after a crash', () => {
  it('kill -9 of our process loses no acknowledged row, and the server that it left is replaced', async () => {
    const data = join(root, randomUUID());
    let current = run(data);
    note('first start, cluster made', (await current.until('url')).startMs);
    for (let round = 1; round <= 5; round++) {
      const acknowledged = await writeUntilGone(await current.url());
      await sleep(300);
      const left = await serverPid(data);
      await current.kill('SIGKILL');
      current = run(data);
      const { startMs } = await current.until('url');
      expect(current.facts).toContainEqual({
        log: expect.stringMatching(/^Stopped/) as string,
        pid: left,
      });
      expect(
        await query(await current.url(), 'SELECT max(n) AS n, count(*)::int AS all FROM kept'),
      ).toEqual([
        {
          n: expect.toSatisfy((n: number) => n >= acknowledged()) as number,
          all: expect.toSatisfy((n: number) => n >= acknowledged()) as number,
        },
      ]);
      note(`recovery after kill -9, ${acknowledged()} rows:`, startMs);
    }
    await current.kill('SIGTERM');
    current = run(data);
    note('start after a clean stop', (await current.until('url')).startMs);
    await current.kill('SIGTERM');
  });

  it('kill -9 of everything at once loses no acknowledged row', async () => {
    const data = join(root, randomUUID());
    let current = run(data);
    for (let round = 1; round <= 3; round++) {
      const acknowledged = await writeUntilGone(await current.url());
      await sleep(1000);
      await killServer(data, 'with its sessions');
      await current.kill('SIGKILL');
      current = run(data);
      const { startMs } = await current.until('url');
      const [row] = await query(await current.url(), 'SELECT count(*)::int AS n FROM kept');
      expect(row?.n).toBeGreaterThanOrEqual(acknowledged());
      note(`recovery from the log, ${acknowledged()} rows:`, startMs);
    }
    await current.kill('SIGTERM');
  });

  it.skipIf(process.platform !== 'linux')(
    'a session that outlives its killed server does not keep the next from starting [Linux only]',
    async () => {
      const data = join(root, randomUUID());
      const first = run(data);
      const busy = new pg.Client({ connectionString: await first.url() });
      busy.on('error', () => undefined);
      await busy.connect();
      busy.query('SELECT count(*) FROM generate_series(1, 1e12::bigint)').catch(() => undefined);
      await sleep(300);
      await killServer(data, 'alone');
      await first.kill('SIGKILL');
      const second = run(data);
      note('recovery with a session left over', (await second.until('url')).startMs);
      await second.kill('SIGTERM');
    },
  );

  it('kill -9 at any moment of the first start leaves nothing in the way of the next', async () => {
    for (const delayMs of [0, 60, 150, 300, 450, 600, 700, 800, 900]) {
      const data = join(root, randomUUID());
      const first = run(data);
      await first.until('claimed');
      await sleep(delayMs);
      await first.kill('SIGKILL');
      const second = run(data);
      expect(await query(await second.url(), 'SELECT current_user AS name')).toEqual([
        { name: 'latchkey' },
      ]);
      expect((await readdir(data)).filter((name) => name.includes('unfinished'))).toEqual([]);
      await second.kill('SIGTERM');
      expect(second.child.exitCode).toBe(0);
    }
  });

  it('lets exactly one of many starting processes have the folder; the others say who has it', async () => {
    const data = join(root, randomUUID());
    const first = run(data);
    await first.until('url');
    await first.kill('SIGKILL');
    const runs = Array.from({ length: 8 }, () => run(data));
    await expect
      .poll(() => runs.filter(({ facts }) => facts.some((fact) => 'failure' in fact)).length, {
        timeout: 90_000,
      })
      .toBe(7);
    const winner = runs.find(({ facts }) => facts.some((fact) => 'claimed' in fact));
    await winner?.until('url');
    for (const { facts } of runs.filter((one) => one !== winner)) {
      expect(facts).toEqual([
        {
          failure: 'DataFolderInUseError',
          message: expect.stringContaining(`process ${winner?.child.pid} `) as string,
        },
      ]);
    }
    await winner?.kill('SIGTERM');
  });
});

describe('the lock of the data folder', () => {
  it('never has two holders, whoever releases it or dies with it', async () => {
    const data = join(root, randomUUID());
    await mkdir(data);
    const end = Date.now() + 10_000;
    const counts = new Map<number, number>();
    const contend = async (): Promise<void> => {
      while (Date.now() < end) {
        const child = spawn(process.execPath, [join(checkout, 'contend.mjs'), data], {
          stdio: ['ignore', 'ignore', 'inherit'],
        });
        const [code] = (await once(child, 'exit')) as [number];
        counts.set(code, (counts.get(code) ?? 0) + 1);
      }
    };
    await Promise.all([contend(), contend(), contend(), contend(), contend(), contend()]);
    note(`claims of a contended folder: ${JSON.stringify([...counts])} in`, 10_000);
    // Any other code: two were inside at once, or a claim failed for no good reason.
    expect([...counts.keys()].filter((code) => code !== 0 && code !== 3)).toEqual([]);
    expect((await readdir(data)).filter((name) => name.startsWith('latchkey.lock'))).toHaveLength(
      1,
    );
  });
});

describe('at the end', () => {
  it('Ctrl-C in the terminal reaches us only, so that work in flight can still use the database', async () => {
    const data = join(root, randomUUID());
    const first = run(data);
    const server = await serverPid(data).catch(async () => {
      await first.until('url');
      return serverPid(data);
    });
    process.kill(-(first.child.pid ?? 0), 'SIGINT');
    await first.ended;
    expect(first.child.exitCode).toBe(0);
    expect(() => process.kill(server, 0)).toThrow('ESRCH');
    const second = run(data);
    await query(await second.url(), 'SELECT FROM drained');
    expect(second.facts.some(({ log }) => log?.startsWith('Stopped'))).toBe(false);
    await second.kill('SIGTERM');
  });
});

describe('as an ordinary user', () => {
  it.each([
    ['in a folder of its own', 0o755],
    ['in a folder that nobody else may enter', 0o700],
  ])('runs %s, whose name has a space', async (_, mode) => {
    const home = join(root, `home of ${randomUUID()}`);
    await mkdir(home, { mode });
    await makeCheckout(join(home, 'checkout'), 'copied');
    await giveToOrdinary(home);
    const options = { from: join(home, 'checkout'), user: ORDINARY };
    const first = run(join(home, 'data folder'), options);
    await first.until('url');
    await first.kill('SIGKILL');
    const second = run(join(home, 'data folder'), options);
    expect(await query(await second.url(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await second.kill('SIGTERM');
    expect(second.child.exitCode).toBe(0);
    expect(await modeOf(home)).toBe(mode);
    expect(await modeOf(join(home, 'data folder'))).toBe(0o700);
  });

  it('runs from packages whose install scripts did not run, its own', async () => {
    const home = join(root, randomUUID());
    await makeCheckout(join(home, 'checkout'), 'copied');
    await unhydrate(join(home, 'checkout'));
    await giveToOrdinary(home);
    const only = run(join(home, 'data'), { from: join(home, 'checkout'), user: ORDINARY });
    await only.until('url');
    expect((await readdir(join(home, 'data'))).some((name) => name.startsWith('postgresql-'))).toBe(
      false,
    );
    await only.kill('SIGTERM');
  });

  it.skipIf(!IS_ROOT)(
    'runs from such packages of another user [needs root to lay them out]',
    async () => {
      const home = join(root, randomUUID());
      await makeCheckout(join(home, 'checkout'), 'copied');
      await unhydrate(join(home, 'checkout'));
      await mkdir(join(home, 'own'));
      await giveToOrdinary(join(home, 'own'));
      const data = join(home, 'own', 'data');
      const only = run(data, { from: join(home, 'checkout'), user: ORDINARY });
      await only.until('url');
      expect((await readdir(data)).some((name) => name.startsWith('postgresql-'))).toBe(true);
      await only.kill('SIGTERM');
    },
  );
});

describe.skipIf(!IS_ROOT)('as root [skipped: needs root]', () => {
  it('runs the server as an unprivileged user, with its data in the data folder', async () => {
    const data = join(root, randomUUID());
    const only = run(data);
    await only.until('url');
    const { uid } = await stat(`/proc/${await serverPid(data)}`);
    expect(uid).not.toBe(0);
    expect(await lstat(join(data, 'postgres'))).toMatchObject({ uid });
    expect((await lstat(join(data, 'postgres'))).isDirectory()).toBe(true);
    expect(await modeOf(join(data, 'postgres'))).toBe(0o700);
    expect((await modeOf(data)) & 0o007).toBe(0);
    await only.kill('SIGTERM');
    expect(only.child.exitCode).toBe(0);
  });

  it('runs below a parent that only root may enter, without opening it, and survives kill -9 there', async () => {
    const home = join(root, randomUUID());
    const data = join(home, 'checkout', '.latchkey');
    await mkdir(home, { mode: 0o700 });
    await makeCheckout(join(home, 'checkout'), 'copied');
    await unhydrate(join(home, 'checkout'));
    const first = run(data, { from: join(home, 'checkout') });
    note('first start below a 0700 parent', (await first.until('url')).startMs);
    await query(await first.url(), 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.kill('SIGKILL');
    const second = run(data, { from: join(home, 'checkout') });
    expect(await query(await second.url(), 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    note('recovery after kill -9 below a 0700 parent', (await second.until('url')).startMs);
    const cluster = await readlink(join(data, 'postgres'));
    expect(relative(SYSTEM_HOME, cluster)).toMatch(/^[0-9a-f]{16}\/postgres$/);
    expect(await modeOf(cluster)).toBe(0o700);
    expect(await modeOf(home)).toBe(0o700);
    await second.kill('SIGTERM');
  });

  it('keeps one copy of the programs for such folders, which nobody else can change', async () => {
    const copies = (await readdir(SYSTEM_HOME)).filter((name) => name.startsWith('postgresql-'));
    expect(copies).toHaveLength(1);
    const copy = join(SYSTEM_HOME, copies[0] ?? '');
    const entries = await readdir(copy, { recursive: true, withFileTypes: true });
    for (const path of [copy, ...entries.map(({ parentPath, name }) => join(parentPath, name))]) {
      const { uid, mode } = await lstat(path);
      expect(uid).toBe(0);
      if (!(await lstat(path)).isSymbolicLink()) expect(mode & 0o022).toBe(0);
    }
  });

  it('takes a folder of mode 0700 as it is', async () => {
    const data = join(root, randomUUID());
    await mkdir(data, { mode: 0o700 });
    const only = run(data);
    await only.until('url');
    expect(await modeOf(data)).toBe(0o700);
    expect(await readlink(join(data, 'postgres'))).toContain(SYSTEM_HOME);
    await only.kill('SIGTERM');
  });

  it('does not start empty when the data outside the folder is gone', async () => {
    const data = join(root, randomUUID());
    await mkdir(data);
    await symlink(join(root, 'gone', 'postgres'), join(data, 'postgres'));
    const only = run(data);
    expect((await only.until('failure')).message).toMatch(
      /which is gone.*start with an empty database/,
    );
  });

  it('says what to do when a parent was closed later', async () => {
    const home = join(root, randomUUID());
    await mkdir(home, { mode: 0o755 });
    const first = run(join(home, 'data'));
    await first.until('url');
    await first.kill('SIGTERM');
    await chmod(home, 0o700);
    const second = run(join(home, 'data'));
    expect((await second.until('failure')).message).toMatch(/can't reach its database/);
    expect(await modeOf(home)).toBe(0o700);
  });
});
