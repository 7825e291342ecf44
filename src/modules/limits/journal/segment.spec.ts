import fc from 'fast-check';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import {
  begin,
  lease,
  openJournal,
  segmentsOf,
  usedOf,
} from '../../../../test/support/call-journal.js';
import type { CallJournal } from './call-journal.js';
import { DamagedJournalError } from './journal.errors.js';
import { checkLine, type JournaledLease } from './journal-lines.js';
import { readSegment } from './segment-reader.js';

const LEASES = [
  lease('requests', 0),
  lease('"input"\n=', 1),
  lease('output', 2),
  lease('total é', 3),
  lease('cost', 4),
  lease('cost too', 4, 7),
  lease('parallel', 5),
];

type Call = { readonly leases: readonly JournaledLease[]; readonly reserved: readonly number[] };
/** What happens in a turn of the event loop. Ends are of calls that are open then, counted from the oldest. */
type Turn = {
  readonly begins: readonly Call[];
  readonly ends: readonly { readonly call: number; readonly used: readonly number[] }[];
};

const amount = fc.oneof(fc.nat(1_000), fc.nat({ max: 2 ** 40 }), fc.constant(0));
const amounts = fc.array(amount, { minLength: 6, maxLength: 6 });
const sets = fc.uniqueArray(fc.subarray(LEASES), { minLength: 1, maxLength: 4 });
const histories = sets.chain((known) =>
  fc.array(
    fc.record<Turn>({
      begins: fc.array(fc.record({ leases: fc.constantFrom(...known), reserved: amounts }), {
        maxLength: 4,
      }),
      ends: fc.array(fc.record({ call: fc.nat(5), used: amounts }), { maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 12 },
  ),
);

/** What the journal promises, said in the simplest way. */
class Model {
  readonly open = new Map<number, Call>();
  readonly #settled: Record<string, number> = {};

  end(ticket: number, used: readonly number[]): void {
    const { leases } = this.open.get(ticket)!;
    this.open.delete(ticket);
    add(this.#settled, leases, used);
  }

  get used(): Record<string, number> {
    const used = { ...this.#settled };
    for (const { leases, reserved } of this.open.values()) add(used, leases, reserved);
    return used;
  }
}

function add(
  sums: Record<string, number>,
  leases: readonly JournaledLease[],
  figures: readonly number[],
): void {
  for (const { allowance, metric } of leases) {
    const figure = metric === 5 ? 0 : figures[metric]!;
    if (figure > 0) sums[allowance] = (sums[allowance] ?? 0) + figure;
  }
}

/** The live segment after the history, and what it must say up to each of its sizes. */
type Written = {
  readonly bytes: Buffer;
  readonly states: readonly { readonly size: number; readonly used: Record<string, number> }[];
};

async function write(history: readonly Turn[], segmentBytes: number): Promise<Written> {
  const dataDir = mkdtempSync(join(tmpdir(), 'segment-'));
  try {
    const journal = openJournal(dataDir, { limits: { segmentBytes } });
    const model = new Model();
    let states: Written['states'] = [];
    let live = '';
    const note = (): void => {
      const [segment] = segmentsOf(dataDir, journal) as [string];
      if (segment !== live) states = [];
      live = segment;
      states = [...states, { size: statSync(segment).size, used: model.used }];
    };
    note();
    for (const turn of history) {
      await play(turn, journal, model);
      // Only beginnings have anything written.
      if (turn.begins.length > 0) note();
    }
    const bytes = readFileSync(live);
    expect(usedOf(openJournal(dataDir).left)).toEqual(states.at(-1)!.used);
    return { bytes, states };
  } finally {
    rmSync(dataDir, { recursive: true });
  }
}

async function play({ begins, ends }: Turn, journal: CallJournal, model: Model): Promise<void> {
  for (const { call, used } of ends) {
    const ticket = [...model.open.keys()][call];
    if (ticket === undefined) continue;
    journal.end(ticket, used);
    model.end(ticket, used);
  }
  const begun = begins.map(({ leases, reserved }) => begin(journal, leases, reserved));
  const tickets = await Promise.all(begun);
  tickets.forEach((ticket, index) => model.open.set(ticket, begins[index]!));
}

const written = (history: readonly Turn[], isRolled: boolean): Promise<Written> =>
  write(history, isRolled ? 300 : 1_000_000);

/** All that the bytes can be cut to. */
const lengths = (bytes: Buffer): number[] => [...bytes.keys(), bytes.length];

/** What the bytes say was used; `null` if they are known as damaged. */
function readUsed(bytes: Buffer): Record<string, number> | null {
  try {
    return usedOf(readSegment(bytes).leases);
  } catch (error) {
    if (error instanceof DamagedJournalError) return null;
    throw error;
  }
}

describe('a segment', () => {
  it('says after a cut at any byte what was used when its last whole block was written', async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.boolean(), async (history, isRolled) => {
        const { bytes, states } = await written(history, isRolled);
        const wrong = lengths(bytes).filter((length) => {
          // The last newline is not needed.
          const used = states.findLast(({ size }) => size - 1 <= length)?.used ?? null;
          return !isDeepStrictEqual(readUsed(bytes.subarray(0, length)), used);
        });
        expect(wrong).toEqual([]);
      }),
      { numRuns: 30 },
    );
  }, 60_000);

  it('is known as damaged whichever byte is another', async () => {
    await fc.assert(
      fc.asyncProperty(
        histories,
        fc.boolean(),
        fc.integer({ min: 1, max: 255 }),
        async (history, isRolled, change) => {
          const { bytes } = await written(history, isRolled);
          const unseen = [...bytes.keys()].filter((at) => {
            const changed = Buffer.from(bytes);
            changed[at]! ^= change;
            return readUsed(changed) !== null;
          });
          expect(unseen).toEqual([]);
        },
      ),
      { numRuns: 30 },
    );
  }, 60_000);

  it('is known as damaged when a block is missing, there twice, or in another’s place', async () => {
    const turn = { begins: [{ leases: [LEASES[0]!], reserved: [1, 0, 0, 0, 0, 0] }], ends: [] };
    const { bytes, states } = await written([turn, turn, turn, turn], false);
    const ends = states.map(({ size }) => size);
    const blocks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
    const [a, b, c, d, e] = blocks as [Buffer, Buffer, Buffer, Buffer, Buffer];
    expect(readSegment(Buffer.concat([a, b, c, d, e])).leases[0]!.used).toBe(4);
    for (const others of [
      [a, b, d, e],
      [a, b, c, c, d],
      [a, b, d, c, e],
      [b, c, d, e],
    ]) {
      expect(() => readSegment(Buffer.concat(others))).toThrow(DamagedJournalError);
    }
  });

  it.each([
    ['of another version', 'j2 7 boot\n'],
    ['without a header', 'l1 0 0 - 0 "a"\n'],
    ['with a second header', 'j1 7 boot\nj1 7 boot\n'],
    ['with an end of no call', 'j1 7 boot\ne1r1\n'],
    ['with a second end', 'j1 7 boot\ns1\nb1 1r1\ne1r1\ne1r1\n'],
    ['with a second beginning', 'j1 7 boot\ns1\nb1 1r1\nb1 1r1\n'],
    ['with a call of no set', 'j1 7 boot\nb1 1r1\n'],
    ['with a set of no lease', 'j1 7 boot\ns1 1\n'],
    ['with a figure too many', 'j1 7 boot\ns1\nb1 1r1x1\n'],
    ['with another line', 'j1 7 boot\n\n'],
  ])('is no good %s', (_, lines) => {
    const seal = (text: string) => Buffer.from(`${text}${checkLine(crc32(text))}\n`);
    expect(() => readSegment(seal(lines))).toThrow(DamagedJournalError);
    expect(readSegment(seal('j1 7 boot\nc\n'))).toEqual({
      inode: 7,
      boot: 'boot',
      isClosed: true,
      leases: [],
    });
  });
});
