/** An export outlives the worker that makes it: another one finishes it, once, and no half of a file is left anywhere. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';

import { verifyFiles } from '#modules/audit/index.js';

import { writeEntries } from '../support/bulk-entries.js';
import type { ExportBody } from '../support/exports.js';
import { GatewayProcess, newInstallation } from '../support/gateway-process.js';
import { copyBuild, type Patch } from './patched-build.harness.js';
import { setUpProof } from './proof.harness.js';

const proof = setUpProof();

const ENTRIES = 2_000;
const LOOK_MS = 300;

/** A worker that gets little done, so that it can be caught in the middle on any machine. */
const SLOW: Patch = {
  file: 'modules/audit/exports/write-entries.service.js',
  find: 'const SHARE_OF_A_WORKER = 0.6;',
  replace: 'const SHARE_OF_A_WORKER = 0.001;',
};
/** The bug: what is not finished stands where what is finished does. */
const IN_PLACE: Patch = {
  file: 'platform/object-store/folder.object-store.js',
  find: 'const unfinished = `${path}.${randomBase62(ID_LENGTH)}${UNFINISHED}`;',
  replace: 'const unfinished = path;',
};

async function until(what: string, condition: () => Promise<boolean>, ms = 90_000): Promise<void> {
  const giveUpAt = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`Not in time: ${what}.`);
    await sleep(LOOK_MS);
  }
}

async function buildWith(...patches: readonly Patch[]): Promise<string> {
  const { path, remove } = await copyBuild(patches);
  onTestFinished(remove);
  return path;
}

/** Names of the files of exports, whole or half. */
async function filesOf({ dataFolder }: GatewayProcess): Promise<string[]> {
  return readdir(join(dataFolder, 'objects/exports')).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
}

type Entry = {
  readonly user_id: string | null;
  readonly after: { readonly number?: number } | null;
};

type Installed = {
  readonly api: GatewayProcess;
  /** Another worker, with a data folder of its own. */
  readonly start: (build?: string) => Promise<GatewayProcess>;
};

async function installed(): Promise<Installed> {
  const installation = newInstallation(proof.databaseUrl);
  const api = await GatewayProcess.start(installation, { env: { LATCHKEY_ROLE: 'api' } });
  const secretKey = installation.env.LATCHKEY_SECRET_KEY ?? '';
  await writeEntries(proof.databaseUrl, { entries: ENTRIES, secretKey });
  return {
    api,
    start: (build) =>
      GatewayProcess.start(installation, {
        env: { LATCHKEY_ROLE: 'worker' },
        ...(build !== undefined && { build }),
      }),
  };
}

async function ask(api: GatewayProcess): Promise<string> {
  const { status, body } = await api.call('POST', '/v1/audit/export', { format: 'ndjson' });
  expect(status).toBe(202);
  return (body as ExportBody).id;
}

async function look(api: GatewayProcess, id: string): Promise<ExportBody> {
  const { status, body } = await api.call('GET', `/v1/exports/${id}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body as ExportBody;
}

const isInTheMiddle = ({ state, progress: { entries_done: done } }: ExportBody): boolean =>
  state === 'running' && done > 0;

/** How far it is each time that it is looked at, until it is ready. */
async function progressUntilReady(api: GatewayProcess, id: string): Promise<ExportBody[]> {
  const seen: ExportBody[] = [];
  await until(`${id} is ready`, async () => {
    const one = await look(api, id);
    seen.push(one);
    return one.state === 'ready';
  });
  return seen;
}

/** By the checkpoints and the public key that everybody can have. */
async function verified(api: GatewayProcess, file: string): Promise<string> {
  const { body } = await api.call('GET', '/v1/audit/checkpoints?limit=100');
  const { data, public_key: publicKey } = body as { data: { note: string }[]; public_key: string };
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-proof-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const checkpoints = join(folder, 'checkpoints');
  await writeFile(checkpoints, data.map(({ note }) => `${note}\n`).join(''));
  const report = await verifyFiles({ export: file, checkpoints, publicKey, part: true });
  expect(report.isValid, report.text).toBe(true);
  return report.text;
}

it('of workers that are killed and stopped in the middle is finished by another one, once', async () => {
  const { api, start } = await installed();
  const slow = await buildWith(SLOW);
  const [one, other] = await Promise.all([start(slow), start(slow)]);
  const ids = [await ask(api), await ask(api)];
  for (const id of ids) {
    await until(`${id} is in the middle`, async () => isInTheMiddle(await look(api, id)));
  }
  for (const worker of [one, other]) expect(await filesOf(worker)).toHaveLength(1);
  await one.end('SIGKILL');
  other.signal('SIGSTOP');
  const begun = performance.now();
  const successor = await start();
  for (const id of ids) {
    const seen = await progressUntilReady(api, id);
    const done = seen.map(({ progress }) => progress.entries_done);
    // It goes back once at most: to the beginning, when the next attempt begins.
    const backwards = done.filter((count, at) => count < (done[at - 1] ?? 0));
    expect(backwards.length).toBeLessThanOrEqual(1);
    const { entries_total: total } = seen.at(-1)?.progress ?? {};
    expect(Math.max(...done)).toBe(total);
  }
  proof.figures.push(`taken over and finished after ${Math.round(performance.now() - begun)} ms`);
  other.signal('SIGCONT');
  await until('who was stopped gives up', async () => (await filesOf(other)).length === 0);
  const again = await GatewayProcess.start(one.installation, {
    dataFolder: one.dataFolder,
    env: { LATCHKEY_ROLE: 'api' },
  });
  expect(await filesOf(again)).toEqual([]);
  const files = await filesOf(successor);
  expect(files.toSorted()).toEqual(ids.map((id) => `${id}-2.ndjson`).toSorted());
  for (const name of files) {
    const path = join(successor.dataFolder, 'objects/exports', name);
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as Entry);
    const bulk = entries.filter(({ user_id: by }) => by === 'user_bulk');
    const numbers = bulk.map(({ after }) => after?.number);
    expect(numbers).toEqual(Array.from({ length: ENTRIES }, (_, n) => n));
    expect(await verified(api, path)).toContain(`Checkpoints vouch for ${entries.length} of them.`);
  }
  for (const id of ids) expect((await look(api, id)).state).toBe('ready');
}, 180_000);

/** What a killed worker leaves in its data folder, once that is in use again. */
async function leftBy(build: string): Promise<string[]> {
  const { api, start } = await installed();
  const worker = await start(build);
  const id = await ask(api);
  await until('it is in the middle', async () => isInTheMiddle(await look(api, id)));
  await worker.end('SIGKILL');
  const again = await GatewayProcess.start(worker.installation, {
    dataFolder: worker.dataFolder,
    env: { LATCHKEY_ROLE: 'api' },
  });
  return filesOf(again);
}

it('leaves no half of a file where its worker was killed', async () => {
  expect(await leftBy(await buildWith(SLOW))).toEqual([]);
}, 120_000);

it('a build that writes files where they are read leaves one', async () => {
  const left = await leftBy(await buildWith(SLOW, IN_PLACE));
  proof.figures.push(`left by a build that writes in place: ${left.length}`);
  expect(left).toHaveLength(1);
}, 120_000);
