import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openJournal, usedOf } from '../support/call-journal.js';
import { compileProgram } from '../support/child-program.js';

const KILLS = 30;
const ALLOWANCES = ['requests', 'tokens', 'cost'];
/** Of each lease, of the calls of one turn of the child. */
const MOST_OF_TURN = 6 * 1_000;

let directory: string;
beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'journal-crash-'))));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('kill -9 of a process with calls in flight', () => {
  it(`${KILLS} times, at any moment: what they cost is known, and no more is held back`, async () => {
    const program = compileProgram(mkdtempSync(join(directory, 'program-')), SOURCES, CHILD);
    const dataDir = mkdtempSync(join(directory, 'data-'));
    let before: Record<string, number> = {};
    let calls = 0;
    for (let run = 0; run < KILLS; run++) {
      const told = await runUntilKilled(program, dataDir);
      calls += told.length;
      const { least, most } = spentBy(told);
      const used = successorUsed(dataDir);
      for (const allowance of ALLOWANCES) {
        const own = (used[allowance] ?? 0) - (before[allowance] ?? 0);
        expect(own).toBeGreaterThanOrEqual(least[allowance] ?? 0);
        expect(own).toBeLessThanOrEqual((most[allowance] ?? 0) + MOST_OF_TURN);
      }
      before = used;
    }
    expect(calls).toBeGreaterThan(KILLS * 10);
    expect(Object.keys(before).sort()).toEqual([...ALLOWANCES].sort());
  }, 120_000);

  it('would be seen to lose calls that are let out before they are written', async () => {
    const folder = mkdtempSync(join(directory, 'program-'));
    const program = compileProgram(folder, SOURCES, CHILD);
    const journalFile = join(folder, 'modules/limits/journal/call-journal.js');
    const source = readFileSync(journalFile, 'utf8');
    const seeded = source.replace('this.#refusal ?? this.#write()', 'this.#refusal');
    expect(seeded).not.toBe(source);
    writeFileSync(journalFile, seeded);
    const dataDir = mkdtempSync(join(directory, 'data-'));
    // Ends that are written by themselves would have the beginnings written too, if late.
    const { least } = spentBy(await runUntilKilled(program, dataDir, 60_000));
    expect(total(successorUsed(dataDir))).toBeLessThan(total(least));
  }, 60_000);
});

function successorUsed(dataDir: string): Record<string, number> {
  const journal = openJournal(dataDir);
  journal.close();
  expect(journal.abandoned).toEqual([]);
  return usedOf(journal.left);
}

function total(sums: Record<string, number>): number {
  return Object.values(sums).reduce((sum, one) => sum + one, 0);
}

/** Begun: a ticket, the leases and what was reserved of each. Ended: a ticket, and what was used of each. */
type Told =
  | readonly ['begun', ticket: number, allowances: readonly string[], reserved: number]
  | readonly ['ended', ticket: number, used: number];

/** What the process must have spent at least, going by what it told; and at most, not knowing of its last ends. */
function spentBy(told: readonly Told[]): Record<'least' | 'most', Record<string, number>> {
  const lastBegun = told.findLastIndex(([kind]) => kind === 'begun');
  const sum = (lastEnd: number): Record<string, number> => {
    const ends = told.flatMap((line, index) =>
      line[0] === 'ended' && index < lastEnd ? [[line[1], line[2]] as const] : [],
    );
    const used = new Map(ends);
    const sums: Record<string, number> = {};
    for (const line of told) {
      if (line[0] === 'ended') continue;
      const [, ticket, allowances, reserved] = line;
      const spent = used.get(ticket) ?? reserved;
      for (const name of allowances) sums[name] = (sums[name] ?? 0) + spent;
    }
    return sums;
  };
  return { least: sum(Infinity), most: sum(lastBegun) };
}

/** Starts the child, kills it within 150 ms of its first call, and answers what it told before. */
async function runUntilKilled(program: string, dataDir: string, endDelayMs = 1): Promise<Told[]> {
  const toldFile = join(mkdtempSync(join(directory, 'told-')), 'told');
  const child = spawn(process.execPath, [program, dataDir, toldFile, String(endDelayMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  await Promise.race([once(child.stdout, 'data'), closed]);
  await sleep(randomInt(150));
  child.kill('SIGKILL');
  const [, signal] = (await closed) as [number | null, string | null];
  expect(signal).toBe('SIGKILL');
  const lines = readFileSync(toldFile, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Told);
}

const SOURCES = ['common', 'modules/limits'];
const CHILD = `
import { randomInt } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { SystemClock } from '#common/time/clock.js';
import { CallJournal, JOURNAL_LIMITS } from '#modules/limits/journal/call-journal.js';

const [, , dataDir, toldFile, endDelayMs] = process.argv;
const told = openSync(toldFile, 'a');
const tell = (...line) => writeSync(told, JSON.stringify(line) + '\\n');
// A segment is full every few turns.
const limits = { ...JOURNAL_LIMITS, segmentBytes: 3_000, endDelayMs: Number(endDelayMs) };
const logger = { info() {}, warn: exit, error: exit };
const journal = CallJournal.open(dataDir, { clock: new SystemClock(), logger, limits });
const lease = (allowance, metric) => ({ allowance, metric, startsAt: 0, endsAt: 4_102_444_800_000 });
const requests = lease('requests', 0);
const tokens = lease('tokens', 3);
const cost = lease('cost', 4);
const parallel = lease('parallel', 5);
const sets = [[requests, tokens], [requests, cost, parallel], [tokens, cost]];
const figures = (amount) => [amount, amount, amount, amount, amount, 1];
const open = [];

function exit(...reasons) {
  console.error(...reasons);
  process.exit(1);
}

function turn() {
  while (open.length > 12) {
    const [{ ticket, reserved }] = open.splice(randomInt(open.length), 1);
    const used = randomInt(reserved + 1);
    tell('ended', ticket, used);
    journal.end(ticket, figures(used));
  }
  const count = randomInt(7);
  for (let index = 0; index < count; index++) {
    const set = sets[randomInt(sets.length)];
    const reserved = 1 + randomInt(1_000);
    journal.begin(randomInt(10) === 0 ? [...set] : set, figures(reserved), (error, ticket) => {
      if (error) exit(error);
      tell('begun', ticket, set.filter((one) => one !== parallel).map((one) => one.allowance), reserved);
      if (ticket === 1) process.stdout.write('begun');
      open.push({ ticket, reserved });
    });
  }
  setTimeout(turn, randomInt(3));
}
turn();
`;
