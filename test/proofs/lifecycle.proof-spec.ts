/**
 * Whether a key may be used is decided by the clock when it is used, whatever workers do; and of what time alone has made of a
 * key is told once, however many look for it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, it } from 'vitest';

import { GatewayProcess, type Installation, newInstallation } from '../support/gateway-process.js';
import { makePatchedBuild, type Patch } from './patched-build.harness.js';
import { setUpProof } from './proof.harness.js';

const KEYS_OF_A_KIND = 3;
/** From when a key is made to its end, or its return. Long enough to be used before. */
const ENDS_AFTER_S = 4;
/** Used on for so long after its time. */
const USED_ON_MS = 1_500;
const PAUSE_MS = 20;
/** What is told is told by then; more than what a slow sweep takes. */
const PATIENCE_MS = 25_000;
const POLL_MS = 100;
/** Once all is told, for so long nothing may be told again: several sweeps. */
const QUIET_MS = 3_000;

const AUTHORIZE = 'modules/keys/domain/authorize.js';
const SWEEP = 'modules/keys/lifecycle/sweep-keys.processor.js';
const LIFECYCLE = 'modules/keys/lifecycle/key-lifecycle.repository.js';
const TELL = 'modules/keys/tell-of-keys.js';
const TELL_DUE = 'modules/keys/lifecycle/tell-due-key.service.js';

/** No bug: a sweep each 500 ms, not each minute. */
const SWEEPS_OFTEN: Patch = {
  file: SWEEP,
  find: `{ pattern: '* * * * *' }`,
  replace: `{ everyMs: 500 }`,
};
/** No bug either: a queue may hand a job out twice, here once more while the first goes on. */
const SWEEPS_TWICE: Patch = {
  file: SWEEP,
  find: 'await this.dueKeys.tellAll(maxKeys, this.#actor, signal);',
  replace: `await Promise.all([0, 1_000].map(async (lateMs) => {
    await new Promise((resolve) => setTimeout(resolve, lateMs));
    await this.dueKeys.tellAll(maxKeys, this.#actor, signal);
  }));`,
};
/** Nor that: PostgreSQL may take its time between what a statement sees and what it locks. */
const FINDS_SLOWLY: Patch = {
  file: LIFECYCLE,
  find: 'FROM api_keys AS key ${TOLD}\n        WHERE key.enable_at > $1',
  replace:
    'FROM (SELECT pg_sleep(1.5)) AS slow CROSS JOIN api_keys AS key ${TOLD}\n        WHERE key.enable_at > $1',
};
const SOUND = [SWEEPS_OFTEN, SWEEPS_TWICE, FINDS_SLOWLY];

const proof = setUpProof();

type Kind = 'expires' | 'is revoked' | 'comes back';
type Made = {
  readonly kind: Kind;
  readonly id: string;
  readonly key: string;
  readonly time: number;
};
/** Times are milliseconds since the Unix epoch, as the gateways on this machine read them too. */
type Use = { readonly startedAt: number; readonly endedAt: number; readonly status: number };

const KINDS: readonly Kind[] = ['expires', 'is revoked', 'comes back'];
const EVENT: Readonly<Record<Kind, string>> = {
  expires: 'key.expired',
  'is revoked': 'key.revoked',
  'comes back': 'key.enabled',
};

/** @returns what was made, with the time that the gateway says it ends, or comes back, at */
async function make(gateway: GatewayProcess, kind: Kind): Promise<Made> {
  const call = async (method: string, path: string, body: unknown) => {
    const answer = await gateway.call(method, path, body);
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
    return answer.body as Record<string, string>;
  };
  const ends = new Date(Date.now() + ENDS_AFTER_S * 1_000).toISOString();
  const name = `it ${kind}`;
  const made = await call('POST', '/v1/keys', {
    name,
    ...(kind === 'expires' && { expires_at: ends }),
  });
  const { id = '', key = '' } = made;
  if (kind === 'is revoked') {
    await call('DELETE', `/v1/keys/${id}`, { revoke_immediately: false, revoke_at: ends });
  }
  if (kind === 'comes back') {
    await call('POST', `/v1/keys/${id}/disable`, { auto_enable_after: ends });
  }
  return { kind, id, key, time: Date.parse(ends) };
}

/** Uses a key over and over, from now until it has long ended, or come back. */
async function use(gateway: GatewayProcess, { key, time }: Made): Promise<Use[]> {
  const uses: Use[] = [];
  while (Date.now() < time + USED_ON_MS) {
    const startedAt = Date.now();
    const { status } = await gateway.call('GET', '/v1/key', undefined, key);
    uses.push({ startedAt, endedAt: Date.now(), status });
    await sleep(PAUSE_MS);
  }
  return uses;
}

type AtUse = { readonly before: number; readonly wrongBefore: number; readonly wrongAfter: number };

/** A use counts where it lies wholly on one side of the time. */
function judge({ kind, time }: Made, uses: readonly Use[]): AtUse {
  const right = (isAfter: boolean): number => {
    if ((kind === 'comes back') === isAfter) return 200;
    return kind === 'comes back' ? 403 : 401;
  };
  const before = uses.filter(({ endedAt }) => endedAt < time);
  const after = uses.filter(({ startedAt }) => startedAt > time);
  expect(after.length).toBeGreaterThan(0);
  return {
    before: before.length,
    wrongBefore: before.filter(({ status }) => status !== right(false)).length,
    wrongAfter: after.filter(({ status }) => status !== right(true)).length,
  };
}

type Used = { readonly made: readonly Made[]; readonly wrong: Readonly<Record<Kind, number>> };

/** Keys of each kind before and after their time, with no worker anywhere. */
async function useWithoutWorkers(installation: Installation, build?: string): Promise<Used> {
  const gateway = await GatewayProcess.start(installation, {
    ...(build !== undefined && { build }),
    env: { LATCHKEY_ROLE: 'api' },
  });
  const each = KINDS.flatMap((kind) => Array.from({ length: KEYS_OF_A_KIND }, () => kind));
  const made = await Promise.all(each.map((kind) => make(gateway, kind)));
  const wrong = { expires: 0, 'is revoked': 0, 'comes back': 0 };
  const judged = await Promise.all(
    made.map(async (one) => ({ ...judge(one, await use(gateway, one)), kind: one.kind })),
  );
  for (const kind of KINDS) {
    const ofKind = judged.filter((one) => one.kind === kind);
    wrong[kind] = ofKind.reduce((sum, one) => sum + one.wrongBefore + one.wrongAfter, 0);
    const before = ofKind.reduce((sum, one) => sum + one.before, 0);
    expect(before, `uses of what ${kind}, before its time`).toBeGreaterThan(0);
    const after = ofKind.reduce((sum, one) => sum + one.wrongAfter, 0);
    proof.figures.push(
      `a key that ${kind}, without workers: used ${before} times before, judged wrongly ${wrong[kind]}, ${after} of these after its time`,
    );
  }
  await gateway.end('SIGTERM');
  return { made, wrong };
}

/** How often each key was told of by its event. */
async function notices(made: readonly Made[]): Promise<number[]> {
  const client = new pg.Client({ connectionString: proof.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ key: string; type: string; count: number }>(
      'SELECT key_id AS key, type, count(*)::int AS count FROM notifications GROUP BY key_id, type',
    );
    const countOf = ({ id, kind }: Made): number =>
      rows.find(({ key, type }) => key === id && type === EVENT[kind])?.count ?? 0;
    return made.map(countOf);
  } finally {
    await client.end();
  }
}

/** Two workers that come when all is over. Answers how many times each key is told of, once that is quiet. */
async function tellLate(installation: Installation, made: readonly Made[], build: string) {
  const env = { LATCHKEY_ROLE: 'worker' };
  expect(await notices(made), 'told of before there was a worker').toEqual(made.map(() => 0));
  await Promise.all([1, 2].map(() => GatewayProcess.start(installation, { build, env })));
  const giveUpAt = performance.now() + PATIENCE_MS;
  let completeAt = Infinity;
  let counts: number[] = [];
  while (performance.now() < Math.min(giveUpAt, completeAt + QUIET_MS)) {
    counts = await notices(made);
    if (counts.every((count) => count > 0)) completeAt = Math.min(completeAt, performance.now());
    if (counts.some((count) => count > 1)) break;
    await sleep(POLL_MS);
  }
  const told = KINDS.map((kind) => {
    const ofKind = counts.filter((_, index) => made[index]?.kind === kind);
    return `${EVENT[kind]} ${ofKind.join(' ')}`;
  });
  proof.figures.push(`notices of each key, by two workers that came late: ${told.join(', ')}`);
  return counts;
}

async function live(patches: readonly Patch[]) {
  const build = await makePatchedBuild(...patches);
  const installation = newInstallation(proof.databaseUrl);
  const { made, wrong } = await useWithoutWorkers(installation);
  return { wrong, counts: await tellLate(installation, made, build) };
}

it('the clock decides at use while no worker is there, and two that come late tell of each thing once', async () => {
  const { wrong, counts } = await live(SOUND);
  expect(wrong).toEqual({ expires: 0, 'is revoked': 0, 'comes back': 0 });
  expect(counts).toEqual(counts.map(() => 1));
});

it.each<[string, Kind, Patch]>([
  [
    'leaves expiry to jobs',
    'expires',
    { file: AUTHORIZE, find: 'now >= view.expiresAt', replace: 'false' },
  ],
  [
    'leaves planned revocations to jobs',
    'is revoked',
    { file: AUTHORIZE, find: 'now >= view.revokedAt', replace: 'false' },
  ],
  [
    'lets a revocation hold before its time',
    'is revoked',
    { file: AUTHORIZE, find: 'now >= view.revokedAt', replace: 'Number.isFinite(view.revokedAt)' },
  ],
  [
    'waits for a job to enable a key',
    'comes back',
    {
      file: 'modules/keys/domain/key-view.js',
      find: '(enableAt ?? NEVER)',
      replace: 'NEVER',
    },
  ],
])('a build that %s is seen: a key that %s', async (_, kind, patch) => {
  const build = await makePatchedBuild(patch);
  const { wrong } = await useWithoutWorkers(newInstallation(proof.databaseUrl), build);
  expect(wrong[kind]).toBeGreaterThan(0);
  const others = KINDS.filter((one) => one !== kind).map((one) => wrong[one]);
  expect(others).toEqual([0, 0]);
});

it.each<[string, Kind, Patch[]]>([
  [
    'tells of a return without its deduplication id',
    'comes back',
    [{ file: TELL, find: 'enableAt && `enabled:', replace: 'null && `enabled:' }],
  ],
  [
    'neither marks an expiry as told nor gives it one',
    'expires',
    [
      {
        file: TELL_DUE,
        find: 'await this.due.markExpiry(key, expiresAt, days);',
        replace: '',
      },
      { file: TELL_DUE, find: 'expires_at: expiresAt }, id)', replace: 'expires_at: expiresAt })' },
    ],
  ],
])('a build that %s is seen: what %s is told of twice', async (_, kind, patches) => {
  const build = await makePatchedBuild(...SOUND, ...patches);
  const installation = newInstallation(proof.databaseUrl);
  const { made } = await useWithoutWorkers(installation);
  const counts = await tellLate(installation, made, build);
  const twice = made.filter((_one, index) => (counts[index] ?? 0) > 1);
  expect(new Set(twice.map((one) => one.kind))).toEqual(new Set([kind]));
});
