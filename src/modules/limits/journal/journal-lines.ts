/**
 * A segment is lines of UTF-8. Numbers are decimal; figures stand behind the letter of their metric, and those that are 0 are
 * left out.
 *
 * | line | says |
 * | --- | --- |
 * | `j1 <inode> <boot>` | the first: the version, the file that it is, the boot of the machine it was written in |
 * | `l<lease> <metric> <starts at> <ends at, or -> <used> <allowance, as a JSON string>` | a lease, and what it had used by then |
 * | `s<set> <lease> <lease> …` | the leases that a call reserves in |
 * | `b<ticket> <set><figures>` | a call begins: what it reserved |
 * | `e<ticket><figures>` | it has ended: what it used |
 * | `c` | the process has ended in order |
 * | `=<CRC-32 in hex>=` | the end of a block: of all lines before, less these. A block counts as a whole or not at all |
 *
 * A version that changes anything must have another number: what it left is then not continued, only given up.
 */
export const VERSION_LINE = 'j1';
export const CLOSED_LINE = 'c';
/** One for each metric that is summed, in the order of `METRICS`: requests, input, output, total tokens, cost. */
export const FIGURE_LETTERS = 'riotc';
export const SUMMED_METRICS = FIGURE_LETTERS.length;

export const CHECK = 0x3d; // =
export const NEWLINE = 0x0a;
/** Without its newline. */
export const CHECK_LINE_BYTES = 10;

export const MAX_ALLOWANCE_LENGTH = 600;
export const MAX_LEASES_OF_CALL = 1_000;

/** The window of an allowance that a process spends a part of. */
export type JournaledLease = {
  /** Its id: any text of at most 600 characters. */
  readonly allowance: string;
  /** Milliseconds since the Unix epoch. */
  readonly startsAt: number;
  /** Infinity for a window without an end. */
  readonly endsAt: number;
  /** Where its figure stands in {@link Amounts}. */
  readonly metric: number;
};

/**
 * What a call reserves or uses, in the order of `METRICS`: requests, input, output, total tokens, nano-dollars, parallel
 * requests (which are not summed). Whole numbers up to 2^53 - 1.
 */
export type Amounts = readonly number[];

/** What was used of a lease: of calls that were cut off, what they had reserved. */
export type UsedLease = JournaledLease & { readonly used: number };

const HOUR_MS = 3_600_000;
const KEPT_WINDOWS = 5;

/**
 * Whether nobody asks any more what was used of the lease. Not before its window is over by an hour, lest a stepped clock
 * forget what still counts; or by five of its lengths, lest a limit per minute have sixty leases at any time.
 */
export function isLongOver({ startsAt, endsAt }: JournaledLease, now: number): boolean {
  return endsAt + Math.min(HOUR_MS, KEPT_WINDOWS * (endsAt - startsAt)) <= now;
}

/** Sums stop at 2^53 - 1, which no limit is above. */
export function addAmount(sum: number, amount: number): number {
  return Math.min(sum + amount, Number.MAX_SAFE_INTEGER);
}

/** As the end of a block has it. */
export function checkLine(crc: number): string {
  return `=${crc.toString(16).padStart(8, '0')}=`;
}
