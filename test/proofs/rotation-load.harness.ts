/** Keys that are rotated by their schedules while two clients call with them, and what became of their calls. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Agent } from 'undici';
import { expect } from 'vitest';

import { blocksOf } from '../support/doc-blocks.js';
import { GatewayProcess, newInstallation } from '../support/gateway-process.js';
import { CutOffProbe, type CutOff } from './cut-off-probe.harness.js';
import { askSandbox, SteadyLoad } from './steady-load.harness.js';

const CALLS_PER_SECOND = 150;
/** The new secret comes by hand when so much of the grace period is left. */
const LEFT_AT_HAND_OVER = 1 / 3;
const POLL_MS = 100;
/** A sweep comes each 10 s; the rest is room for machines that are busy. */
const MAX_ROUND_MS = 60_000;

const programs = new Set<ChildProcess>();
// A test run that is cut short leaves no program behind.
process.on('exit', () => {
  for (const program of programs) program.kill();
});

export type Plan = {
  readonly databaseUrl: string;
  /** Another build than the repository's. */
  readonly build?: string;
  readonly keys: number;
  /** Rotations of each key. */
  readonly rounds: number;
  /** Of the schedules. Longer than two sweeps, a third good secret would be in the way of the round after the next. */
  readonly graceMs: number;
};

/** `follower` claims by the program of docs/rotation.md; `laggard` uses old secrets until somebody brings the next one. */
type Client = 'follower' | 'laggard';

type Call = {
  readonly client: Client;
  readonly keyId: string;
  readonly secret: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** `null`: the connection broke. */
  readonly status: number | null;
  /** The code of the refusal, or why there was no answer. */
  readonly complaint: string | null;
  /** The values of the headers of a secret that was replaced. */
  readonly deprecation: string | null;
  readonly sunset: string | null;
};

type SecretOfKey = {
  /** `null` as long as nobody has claimed it. */
  readonly secret: string | null;
  readonly expiresAt: Date | null;
  readonly retiredAt: Date | null;
  readonly isSealed: boolean;
};

export type Report = {
  readonly calls: readonly Call[];
  readonly seconds: number;
  /** Of each key all secrets as they are stored, the oldest first. */
  readonly secrets: ReadonlyMap<string, readonly SecretOfKey[]>;
  readonly cutOffs: readonly CutOff[];
};

class RotatedKey {
  /** All secrets that have stood in the file, the oldest first. */
  readonly taken: string[];
  #program: ChildProcess | null = null;

  private constructor(
    readonly id: string,
    /** What the laggard calls with. */
    public handed: string,
    readonly file: string,
  ) {
    this.taken = [handed];
  }

  static async make(gateway: GatewayProcess, folder: string, graceMs: number): Promise<RotatedKey> {
    const made = await gateway.call('POST', '/v1/keys', { name: 'rotated under load' });
    expect(made.status).toBe(201);
    const { id, key } = made.body as { id: string; key: string };
    const set = await gateway.call('POST', `/v1/keys/${id}/rotation`, {
      // Far away: what is due, is made due.
      schedule: '0 3 1 1 *',
      auto_update_apps: true,
      grace_period_hours: graceMs / 3_600_000,
    });
    expect(set.status).toBe(200);
    const file = join(folder, id);
    await writeFile(file, key);
    return new RotatedKey(id, key, file);
  }

  /** Runs what keeps the file up to date. */
  follow(program: string, { origin }: GatewayProcess): void {
    const env = {
      PATH: process.env.PATH,
      LATCHKEY_URL: origin,
      KEY_FILE: this.file,
      EVERY_SECONDS: '0.5',
    };
    const child = spawn(process.execPath, [program], { env, stdio: 'ignore' });
    programs.add(child);
    child.once('exit', () => programs.delete(child));
    this.#program = child;
  }

  read(): Promise<string> {
    return readFile(this.file, 'utf8');
  }

  /** Whether the secret of this rotation stands in the file. */
  async hasTaken(round: number): Promise<boolean> {
    const secret = await this.read();
    if (secret !== this.taken.at(-1)) this.taken.push(secret);
    return this.taken.length > round;
  }

  async stop(): Promise<void> {
    const program = this.#program;
    if (program?.exitCode !== null || program.signalCode !== null) return;
    program.kill();
    await once(program, 'exit');
  }
}

/**
 * Rotates as planned, under load from before the first rotation until the last old secret is seen to be refused. The worker
 * is killed between the last rotation and the end of its grace period. It is over as soon as a call was refused.
 */
export async function rotateUnderLoad(plan: Plan): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-rotation-load-'));
  const database = new pg.Pool({ connectionString: plan.databaseUrl });
  const run = new Run(plan, folder, database);
  try {
    return await run.run();
  } finally {
    await run.stop();
    await database.end();
    await rm(folder, { recursive: true, force: true });
  }
}

class Run {
  readonly #installation;
  readonly #instances: GatewayProcess[] = [];
  readonly #keys: RotatedKey[] = [];
  readonly #calls: Call[] = [];
  readonly #cutOffs: Promise<CutOff>[] = [];
  readonly #handOvers: Promise<void>[] = [];
  readonly #probeAgent = new Agent({ connections: 50 });
  readonly #loads = [
    this.#loadOf('follower', (key) => key.read()),
    this.#loadOf('laggard', (key) => key.handed),
  ];

  constructor(
    private readonly plan: Plan,
    private readonly folder: string,
    private readonly database: pg.Pool,
  ) {
    this.#installation = newInstallation(plan.databaseUrl);
  }

  async run(): Promise<Report> {
    await this.#prepare();
    const startedAt = performance.now();
    for (const load of this.#loads) load.start();
    await this.#rotate();
    await Promise.all(this.#handOvers);
    const cutOffs = await Promise.all(this.#cutOffs);
    await Promise.all(this.#loads.map((load) => load.stop()));
    const seconds = (performance.now() - startedAt) / 1_000;
    const failures = this.#loads.flatMap((load) => load.failures);
    if (failures.length > 0) throw new AggregateError(failures, 'The clients themselves failed.');
    return { calls: this.#calls, seconds, secrets: await this.#secrets(), cutOffs };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#loads, ...this.#keys].map((one) => one.stop()));
    await Promise.allSettled([...this.#handOvers, ...this.#cutOffs]);
    await this.#probeAgent.close();
  }

  async #prepare(): Promise<void> {
    const { keys, graceMs } = this.plan;
    this.#instances.push(...(await Promise.all([this.#start('api'), this.#start('api')])));
    const program = join(this.folder, 'client.mjs');
    await writeFile(program, blocksOf('docs/rotation.md', 'js')[0] ?? '');
    for (let number = 0; number < keys; number++) {
      const key = await RotatedKey.make(this.#instanceOf(number), this.folder, graceMs);
      this.#keys.push(key);
      key.follow(program, this.#instanceOf(number));
    }
  }

  #start(role: 'api' | 'worker'): Promise<GatewayProcess> {
    const { build } = this.plan;
    return GatewayProcess.start(this.#installation, {
      env: { LATCHKEY_ROLE: role },
      ...(build !== undefined && { build }),
    });
  }

  async #rotate(): Promise<void> {
    const { rounds } = this.plan;
    let worker: GatewayProcess | null = null;
    /** When the last secret of each round ends. */
    const ends: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      // More than three good secrets there can't be.
      await sleep(Math.max(0, (ends.at(-2) ?? 0) - Date.now()));
      await this.#makeDue();
      // The first thing that a worker does is a sweep.
      worker ??= await this.#start('worker');
      await this.#untilTaken(round);
      if (this.#isRefused) return;
      const isLast = round === rounds;
      if (isLast) await worker.end('SIGKILL');
      ends.push(await this.#attendToEnds(round, isLast));
    }
  }

  /** People were told of it before. */
  async #makeDue(): Promise<void> {
    await this.database.query('UPDATE key_rotations SET next_at = now(), told_at = now()');
  }

  /** Until the programs have claimed the secret of this round, or a client was refused. */
  async #untilTaken(round: number): Promise<void> {
    const giveUpAt = performance.now() + MAX_ROUND_MS;
    for (;;) {
      const taken = await Promise.all(this.#keys.map((key) => key.hasTaken(round)));
      if (this.#isRefused || taken.every(Boolean)) return;
      if (performance.now() > giveUpAt) throw new Error(`Nobody has claimed in round ${round}.`);
      await sleep(POLL_MS);
    }
  }

  get #isRefused(): boolean {
    return this.#calls.some(({ status }) => status !== 200);
  }

  /** Of the secrets that this round has retired. Answers when the last of them ends, in milliseconds since the epoch. */
  async #attendToEnds(round: number, isWorkerGone: boolean): Promise<number> {
    const secrets = await this.#secrets();
    const ends = this.#keys.map((key) => {
      const endsAt = secrets.get(key.id)?.[round - 1]?.expiresAt?.getTime();
      if (endsAt === undefined) throw new Error('A secret that was replaced has no end.');
      if (endsAt < Date.now()) throw new Error('It took longer than the grace period.');
      this.#handOvers.push(this.#handOver(key, round, endsAt));
      for (const instance of this.#instances) {
        const secret = key.taken[round - 1] as string;
        const probe = new CutOffProbe(instance, secret, endsAt, this.#probeAgent);
        this.#cutOffs.push(probe.run().then((seen) => ({ ...seen, isWorkerGone })));
      }
      return endsAt;
    });
    return Math.max(...ends);
  }

  /** Brings the laggard what stood in the follower's file after this round. */
  async #handOver(key: RotatedKey, round: number, endsAt: number): Promise<void> {
    const at = endsAt - this.plan.graceMs * LEFT_AT_HAND_OVER;
    await sleep(Math.max(0, at - Date.now()));
    key.handed = key.taken[round] as string;
  }

  async #secrets(): Promise<Map<string, SecretOfKey[]>> {
    const { rows } = await this.database.query<Omit<SecretOfKey, 'secret'> & { keyId: string }>(
      `SELECT key_id AS "keyId", expires_at AS "expiresAt", retired_at AS "retiredAt", sealed IS NOT NULL AS "isSealed"
         FROM api_key_secrets ORDER BY created_at`,
    );
    const ofKey = ({ id, taken }: RotatedKey) =>
      rows
        .filter(({ keyId }) => keyId === id)
        .map((row, at) => ({ ...row, secret: taken[at] ?? null }));
    return new Map(this.#keys.map((key) => [key.id, ofKey(key)]));
  }

  /** Each key in turn, on each instance in turn. */
  #loadOf(client: Client, secretOf: (key: RotatedKey) => string | Promise<string>): SteadyLoad {
    return new SteadyLoad(CALLS_PER_SECOND, async (number, agent) => {
      const key = this.#keys[number % this.#keys.length] as RotatedKey;
      const instance = this.#instanceOf(Math.floor(number / this.#keys.length));
      const secret = await secretOf(key);
      const startedAt = Date.now();
      const seen = await callWith(instance, secret, agent);
      this.#calls.push({ client, keyId: key.id, secret, startedAt, ...seen });
    });
  }

  #instanceOf(number: number): GatewayProcess {
    return this.#instances[number % this.#instances.length] as GatewayProcess;
  }
}

async function callWith(
  instance: GatewayProcess,
  secret: string,
  agent: Agent,
): Promise<Pick<Call, 'status' | 'complaint' | 'deprecation' | 'sunset'>> {
  try {
    const { status, headers, text } = await askSandbox(instance, secret, agent);
    const { deprecation, sunset } = headers;
    const complaint = status === 200 ? null : codeIn(text);
    return { status, complaint, deprecation: textOf(deprecation), sunset: textOf(sunset) };
  } catch (error) {
    return { status: null, complaint: String(error), deprecation: null, sunset: null };
  }
}

/** The error's code, or what else was answered. */
function codeIn(text: string): string {
  return /"code":"(\w+)"/.exec(text)?.[1] ?? text.slice(0, 200);
}

function textOf(header: string | string[] | undefined): string | null {
  return header === undefined ? null : String(header);
}
