/** Builds with a bug put in on purpose: a proof that stays green on them proves nothing. */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

import { REPOSITORY } from '../support/gateway-process.js';

export type Patch = {
  /** Of the compiled file, below `dist/src`. */
  readonly file: string;
  /** Must stand there exactly once. */
  readonly find: string;
  readonly replace: string;
};

/** No bug: a queue may hand a job out twice. Here it does so with each delivery of a notification. */
export const JOBS_COME_TWICE: Patch = {
  file: 'modules/notifications/dispatch/delivery-queue.js',
  find: `await this.publisher.publish('deliveries.send', { id }, options);`,
  replace: `for (const _ of [1, 2]) await this.publisher.publish('deliveries.send', { id }, { delayMs });`,
};

/** A copy of the build with the patches applied, as long as the test runs; its packages are the repository's. Answers its path. */
export async function makePatchedBuild(...patches: readonly Patch[]): Promise<string> {
  const { path, remove } = await copyBuild(patches);
  onTestFinished(remove);
  return path;
}

/** For tests that run at once, which Vitest can't tell apart here: the caller removes it. One patch may change what the one before has put in. */
export async function copyBuild(
  patches: readonly Patch[],
): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'latchkey-patched-'));
  for (const name of ['dist', 'package.json']) {
    await cp(join(REPOSITORY, name), join(path, name), { recursive: true });
  }
  await symlink(join(REPOSITORY, 'node_modules'), join(path, 'node_modules'));
  for (const patch of patches) await apply(join(path, 'dist/src'), patch);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

async function apply(folder: string, { file, find, replace }: Patch): Promise<void> {
  const target = join(folder, file);
  const parts = (await readFile(target, 'utf8')).split(find);
  if (parts.length !== 2) {
    throw new Error(`${file} holds the text to patch ${parts.length - 1} times: ${find}`);
  }
  await writeFile(target, parts.join(replace));
}
