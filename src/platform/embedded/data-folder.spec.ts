import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Secret } from '#common/secret/secret.js';

import { DataFolder, DataFolderInUseError } from './data-folder.js';
import { identifyProcess, pidScope } from './process-identity.js';

let parent: string;
let path: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'latchkey-spec-'));
  path = join(parent, 'data');
});

afterEach(async () => {
  await rm(parent, { recursive: true, force: true });
});

async function locks(): Promise<string[]> {
  return (await readdir(path)).filter((name) => name.startsWith('latchkey.lock'));
}

/** Replaces the lock of a folder by one that another process seems to have left. */
async function pretendHolder(holder: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = await DataFolder.claim(path);
  await folder.release();
  const [name = ''] = await locks();
  const file = join(path, name);
  const record = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  await writeFile(file, JSON.stringify({ ...record, released: false, ...holder }));
  return file;
}

async function pidOfEndedProcess(): Promise<number> {
  const child = spawn('/bin/sh', ['-c', 'exit 0'], { stdio: 'ignore' });
  await once(child, 'exit');
  return child.pid ?? 0;
}

describe('DataFolder.claim', () => {
  it('makes a folder that only we can enter, and leaves the mode of one that is there', async () => {
    const made = await DataFolder.claim(path);
    expect(made.isNew).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    await made.release();
    const again = await DataFolder.claim(path);
    expect(again.isNew).toBe(false);
    await again.release();
  });

  it('refuses a folder in use, and says who uses it and what to do', async () => {
    const folder = await DataFolder.claim(path);
    const refusal = await DataFolder.claim(path).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(DataFolderInUseError);
    const { message, holder } = refusal as DataFolderInUseError;
    expect(holder.pid).toBe(process.pid);
    expect(message).toContain(`process ${process.pid} `);
    expect(message).toContain(`since ${holder.since}`);
    expect(message).toContain(path);
    expect(message).toContain('LATCHKEY_DATA_DIR');
    await folder.release();
    await (await DataFolder.claim(path)).release();
  });

  it('takes the lock of a dead process over', async () => {
    await pretendHolder({ pid: await pidOfEndedProcess(), startTicks: '1' });
    await (await DataFolder.claim(path)).release();
    expect(await locks()).toHaveLength(1);
  });

  it.skipIf(process.platform !== 'linux')(
    'takes the lock over when the pid belongs to another program by now',
    async () => {
      const self = await identifyProcess(process.pid);
      await pretendHolder({ pid: process.pid, startTicks: '1' });
      await (await DataFolder.claim(path)).release();
      await pretendHolder({ pid: process.pid, startTicks: self?.startTicks });
      await expect(DataFolder.claim(path)).rejects.toThrow(DataFolderInUseError);
    },
  );

  it('lets exactly one of many racing starters take a dead lock over, and leaves one lock', async () => {
    const pid = await pidOfEndedProcess();
    for (let round = 0; round < 5; round++) {
      await rm(path, { recursive: true, force: true });
      await pretendHolder({ pid, startTicks: '1' });
      const claims = await Promise.allSettled(
        Array.from({ length: 12 }, async () => DataFolder.claim(path)),
      );
      const won = claims.flatMap((claim) => (claim.status === 'fulfilled' ? [claim.value] : []));
      const lost = claims.flatMap((claim) =>
        claim.status === 'rejected' ? [claim.reason as unknown] : [],
      );
      expect(won).toHaveLength(1);
      for (const reason of lost) expect(reason).toBeInstanceOf(DataFolderInUseError);
      expect(await locks()).toHaveLength(1);
      await won[0]?.release();
    }
  });

  it('watches a holder of another machine or container, and believes its signs of life only', async () => {
    const file = await pretendHolder({ scope: 'elsewhere', pid: 1, host: 'far-away' });
    const beat = setInterval(() => void utimes(file, new Date(), new Date()), 100);
    const watched = DataFolder.claim(path, { foreignSilenceMs: 2000 });
    await expect(watched).rejects.toThrow(/on far-away/);
    clearInterval(beat);
    await (await DataFolder.claim(path, { foreignSilenceMs: 300 })).release();
  });

  it('gives such signs of life itself', async () => {
    const folder = await DataFolder.claim(path);
    const [name = ''] = await locks();
    const before = (await stat(join(path, name))).mtimeMs;
    await expect
      .poll(async () => (await stat(join(path, name))).mtimeMs, { timeout: 5000 })
      .toBeGreaterThan(before);
    await folder.release();
  });

  it('does not trust a lock that it can’t read more than one that is silent', async () => {
    const file = await pretendHolder({});
    await writeFile(file, 'not json');
    await (await DataFolder.claim(path, { foreignSilenceMs: 300 })).release();
  });
});

describe('the secret files of a data folder', () => {
  it('are kept whole with mode 0600, and are absent until written', async () => {
    const folder = await DataFolder.claim(path);
    expect(await folder.readSecretFile('secret-key')).toBeNull();
    await folder.writeSecretFile('secret-key', new Secret('one'));
    await folder.writeSecretFile('secret-key', new Secret('two'));
    expect((await folder.readSecretFile('secret-key'))?.reveal()).toBe('two');
    expect((await stat(join(path, 'secret-key'))).mode & 0o777).toBe(0o600);
    expect((await readdir(path)).filter((name) => name.startsWith('secret-key'))).toHaveLength(1);
    await folder.release();
  });
});

describe('identifyProcess', () => {
  it('knows running processes from ended ones, and nonsense from both', async () => {
    expect(await identifyProcess(process.pid)).toMatchObject({ pid: process.pid });
    expect(await identifyProcess(await pidOfEndedProcess())).toBeNull();
    for (const pid of [0, -1, 1.5, Number.NaN]) expect(await identifyProcess(pid)).toBeNull();
  });

  it.skipIf(process.platform !== 'linux')('counts a zombie as gone', async () => {
    // The shell becomes a program that never reaps the child it has inherited.
    const parentProcess = spawn('/bin/sh', ['-c', 'sh -c "echo \\$\\$" & exec sleep 30'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [output] = (await once(parentProcess.stdout, 'data')) as [Buffer];
    const zombie = Number(output.toString());
    await expect
      .poll(async () => readFile(`/proc/${zombie}/stat`, 'utf8'), { timeout: 5000 })
      .toMatch(/\) Z /);
    expect(await identifyProcess(zombie)).toBeNull();
    parentProcess.kill('SIGKILL');
  });

  it('is relative to a scope that stays the same while we run', async () => {
    expect(await pidScope()).toBe(await pidScope());
    expect(await pidScope()).not.toBe('');
  });
});
