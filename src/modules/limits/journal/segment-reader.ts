import { crc32 } from 'node:zlib';

import { DamagedJournalError } from './journal.errors.js';
import {
  addAmount,
  CHECK,
  CHECK_LINE_BYTES,
  checkLine,
  CLOSED_LINE,
  NEWLINE,
  type UsedLease,
  VERSION_LINE,
} from './journal-lines.js';

export type SegmentContent = {
  /** Of the file that was written; a copy of it has another. */
  readonly inode: number;
  readonly boot: string;
  /** Its process ended in order, with all of it on the disk. */
  readonly isClosed: boolean;
  /** Leases of the same window may come more than once: their sum counts. */
  readonly leases: readonly UsedLease[];
};

type Lease = { -readonly [Field in keyof UsedLease]: UsedLease[Field] };
type OpenCall = { readonly leases: readonly Lease[]; readonly reserved: readonly number[] };

const FIGURES = '(?:r(\\d+))?(?:i(\\d+))?(?:o(\\d+))?(?:t(\\d+))?(?:c(\\d+))?';
const HEADER = new RegExp(`^${VERSION_LINE} (\\d+) ([\\w-]+)$`);
const LEASE = /^l(\d+) (\d) (\d+) (\d+|-) (\d+) (".*")$/;
const SET = /^s(\d+)((?: \d+)*)$/;
const BEGIN = new RegExp(`^b(\\d+) (\\d+)${FIGURES}$`);
const END = new RegExp(`^e(\\d+)${FIGURES}$`);
const LINES = [HEADER, LEASE, SET, BEGIN, END, new RegExp(`^${CLOSED_LINE}$`)];

/**
 * What a segment says, up to its last whole block. A last block without an end is what a crash leaves: it was never
 * acknowledged.
 * @throws {DamagedJournalError} when the bytes are not what was written, or not from a snapshot on
 */
export function readSegment(bytes: Buffer): SegmentContent {
  const replay = new Replay();
  let block: string[] = [];
  let blockStart = 0;
  let crc = 0;
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    const isTorn = newline === -1 && end - start < CHECK_LINE_BYTES;
    if (bytes[start] === CHECK && !isTorn) {
      crc = crc32(bytes.subarray(blockStart, start), crc);
      if (bytes.toString('latin1', start, end) !== checkLine(crc)) {
        throw new DamagedJournalError('A checksum does not match.');
      }
      for (const line of block) replay.take(line);
      block = [];
      blockStart = end + 1;
    } else if (newline !== -1) {
      block.push(bytes.toString('utf8', start, end));
    }
    start = end + 1;
  }
  // A crash leaves whole lines of ours, so any other may be the block's end that was damaged.
  if (block.some((line) => !LINES.some((pattern) => pattern.test(line)))) {
    throw new DamagedJournalError('The last block holds what is no line.');
  }
  return replay.content();
}

/** Follows what the lines say. */
class Replay {
  #header: { readonly inode: number; readonly boot: string } | null = null;
  #isClosed = false;
  readonly #leases = new Map<number, Lease>();
  readonly #sets = new Map<number, readonly Lease[]>();
  readonly #open = new Map<number, OpenCall>();

  take(line: string): void {
    this.#isClosed = line === CLOSED_LINE;
    if (!this.#isClosed && !this.#tryTake(line)) {
      throw new DamagedJournalError('The checksum matches, but a line makes no sense.');
    }
  }

  content(): SegmentContent {
    if (this.#header === null) throw new DamagedJournalError('Its snapshot is not whole.');
    for (const { leases, reserved } of this.#open.values()) add(leases, reserved);
    this.#open.clear();
    return { ...this.#header, isClosed: this.#isClosed, leases: [...this.#leases.values()] };
  }

  #tryTake(line: string): boolean {
    switch (line.charAt(0)) {
      case 'b':
        return this.#begin(BEGIN.exec(line));
      case 'e':
        return this.#end(END.exec(line));
      case 's':
        return this.#set(SET.exec(line));
      case 'l':
        return this.#lease(LEASE.exec(line));
      default:
        return this.#begins(HEADER.exec(line));
    }
  }

  #begins(match: RegExpExecArray | null): boolean {
    if (match === null || this.#header !== null) return false;
    this.#header = { inode: Number(match[1]), boot: match[2] ?? '' };
    return true;
  }

  #lease(match: RegExpExecArray | null): boolean {
    if (match === null) return false;
    const [, number, metric, startsAt, endsAt, used, allowance] = match;
    this.#leases.set(Number(number), {
      allowance: JSON.parse(allowance ?? '') as string,
      startsAt: Number(startsAt),
      endsAt: endsAt === '-' ? Infinity : Number(endsAt),
      metric: Number(metric),
      used: Number(used),
    });
    return true;
  }

  #set(match: RegExpExecArray | null): boolean {
    if (match === null) return false;
    const leases: Lease[] = [];
    for (const number of match[2]?.split(' ').slice(1) ?? []) {
      const lease = this.#leases.get(Number(number));
      if (lease === undefined) return false;
      leases.push(lease);
    }
    this.#sets.set(Number(match[1]), leases);
    return true;
  }

  #begin(match: RegExpExecArray | null): boolean {
    if (match === null) return false;
    const [, ticket, set, ...figures] = match;
    const leases = this.#sets.get(Number(set));
    if (leases === undefined || this.#open.has(Number(ticket))) return false;
    this.#open.set(Number(ticket), { leases, reserved: toAmounts(figures) });
    return true;
  }

  #end(match: RegExpExecArray | null): boolean {
    if (match === null) return false;
    const [, ticket, ...figures] = match;
    const call = this.#open.get(Number(ticket));
    if (call === undefined) return false;
    this.#open.delete(Number(ticket));
    add(call.leases, toAmounts(figures));
    return true;
  }
}

function toAmounts(figures: readonly (string | undefined)[]): number[] {
  return figures.map((figure) => Number(figure ?? 0));
}

function add(leases: readonly Lease[], amounts: readonly number[]): void {
  for (const lease of leases) lease.used = addAmount(lease.used, amounts[lease.metric] ?? 0);
}
