import { fstatSync } from 'node:fs';
import { statfs } from 'node:fs/promises';

import type { Clock } from '#common/time/clock.js';
import type { Logger } from '#platform/observability/logger.js';

import { currentBoot, isSameBoot } from './boot.js';
import { JournalFolder } from './journal-folder.js';
import {
  type Amounts,
  CLOSED_LINE,
  type JournaledLease,
  type UsedLease,
  VERSION_LINE,
} from './journal-lines.js';
import { DamagedJournalError, JournalUnavailableError } from './journal.errors.js';
import { JournaledCalls } from './journaled-calls.js';
import { readSegment } from './segment-reader.js';
import { SegmentWriter } from './segment-writer.js';

const MIB = 1024 * 1024;

export const JOURNAL_LIMITS = {
  /** A segment that grew by this, and at least to twice the size it began with, is followed by the next. */
  segmentBytes: 8 * MIB,
  /** With less free disk than this no call should begin; it is the room for the ends of those in flight. */
  minFreeBytes: 32 * MIB,
  /** How often the disk is looked at, and a broken journal tried again. */
  checkIntervalMs: 1_000,
  /** How long the end of a call waits for a beginning to be written with. */
  endDelayMs: 50,
} as const;

export type JournalOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Readonly<Record<keyof typeof JOURNAL_LIMITS, number>>;
  /** Names this boot of the machine. */
  readonly boot?: string;
};

/** Is told whether the call may be let out, and by which ticket it {@link CallJournal.end ends}. */
type Begun = (error: JournalUnavailableError | null, ticket: number) => void;

/**
 * Writes down what calls reserve before they are let out, and what they used when they end, so that after a `kill -9` it is
 * known of each lease what was spent. What is staged in a turn of the event loop is written by one synchronous write: the
 * bytes are the kernel's before a call is let out, so the death of this process loses nothing.
 */
export class CallJournal {
  /** Names who holds the leases: the same as before, if what a predecessor left on this data folder can be trusted. */
  readonly holderId: string;
  /**
   * What was used, under {@link holderId}, of each lease whose window still counts: what calls settled to, and what those
   * had reserved that were cut off. Of a lease that is not in it nothing was used, unless its window is over and so nothing
   * need be given back. Parallel requests are never in it.
   */
  readonly left: readonly UsedLease[];
  /**
   * Predecessors on this data folder whose journal can't be trusted: it is lost, damaged, a copy, or of another boot. All
   * that they leased counts as used; but none of their calls runs any more.
   */
  readonly abandoned: readonly string[];

  readonly #calls: JournaledCalls;
  readonly #timer: NodeJS.Timeout;
  #writer: SegmentWriter;
  #segment: number;
  /** The size of the live segment at which the next one begins. */
  #fullAt = 0;
  /** Why the journal is not as it should be. */
  #failure: unknown = null;
  /** Nothing may be written to the live segment any more. */
  #isBroken = false;
  #isClosed = false;
  #isDiskLow = false;
  #isChecking = false;
  #wasHealthy = true;
  /** The callers of the calls whose beginning is staged. Their tickets follow {@link #told}. */
  #waiting: Begun[] = [];
  /** The last ticket whose caller was told. */
  #told = 0;
  /** Why those that wait can't begin. */
  #refusal: unknown = null;
  #isEndTimed = false;

  private constructor(
    private readonly folder: JournalFolder,
    left: readonly UsedLease[],
    private readonly options: Required<JournalOptions>,
  ) {
    this.holderId = folder.holderId;
    this.#calls = new JournaledCalls(left);
    this.#segment = folder.newest();
    this.#writer = this.#beginSegment();
    this.left = this.#calls.leases;
    this.abandoned = folder.abandoned(options.clock.now());
    const { checkIntervalMs } = options.limits;
    this.#timer = setInterval(() => void this.#check(), checkIntervalMs).unref();
  }

  /**
   * Continues what a predecessor left in the data folder, which the caller holds: one process at a time.
   * @throws the file system's error when the journal can't be read, or its next segment not made
   */
  static open(dataDir: string, options: JournalOptions): CallJournal {
    const all = { limits: JOURNAL_LIMITS, boot: currentBoot(options.clock), ...options };
    const current = JournalFolder.findCurrent(dataDir);
    const left = current && readLeft(current, all);
    if (current && left) return new CallJournal(current, left, all);
    const folder = JournalFolder.create(dataDir);
    const journal = new CallJournal(folder, [], all);
    folder.becomeCurrent();
    return journal;
  }

  /**
   * Stages the beginning of a call. Once it is written, with all others of this turn of the event loop, `begun` is told; it
   * must not throw. Calls that share a set of leases pass the same array, since that is what the set is known by. Neither it
   * nor `reserved` may be changed any more. `begun` is told of an error when it could not be written; then none of this turn
   * may be let out, though some may be in the journal all the same and so count as spent.
   * @throws {RangeError} when a lease or an amount is none that can be written; then nothing is staged
   */
  begin(leases: readonly JournaledLease[], reserved: Amounts, begun: Begun): void {
    if (this.#isBroken) this.#refusal ??= this.#failure;
    if (this.#refusal === null) this.#calls.begin(this.#writer, leases, reserved);
    else this.#calls.skip();
    if (this.#waiting.push(begun) === 1) setImmediate(() => this.#commit());
  }

  /**
   * Takes down what the call really used. That is written with the next beginning, or soon; should it be lost, the call
   * counts as it had reserved. A second end of a call, or one of a call that did not begin, changes nothing.
   * @throws {RangeError} when an amount is none that can be written; then the call has not ended
   */
  end(ticket: number, used: Amounts): void {
    // What is not written here is in the next segment's snapshot.
    if (!this.#calls.end(ticket, used) || this.#isBroken) return;
    this.#writer.end(ticket, used);
    if (this.#isEndTimed) return;
    this.#isEndTimed = true;
    setTimeout(() => this.#writeEnds(), this.options.limits.endDelayMs).unref();
  }

  /** Whether new calls should be let in. Those in flight are written down as long as the disk takes it. */
  get isHealthy(): boolean {
    return this.#failure === null && !this.#isDiskLow;
  }

  /** Writes what is staged, to the disk itself. A call that is still open then counts as it had reserved. */
  close(): void {
    if (this.#isClosed) return;
    this.#commit();
    clearInterval(this.#timer);
    try {
      this.#closeInOrder();
    } catch (error) {
      this.options.logger.warn({ err: error }, 'call journal could not be closed in order');
    }
    this.#writer.close();
    this.#isClosed = true;
    this.#isBroken = true;
    this.#failure = new Error('The call journal is closed.');
  }

  #closeInOrder(): void {
    if (this.#isBroken) return;
    this.#writer.line(CLOSED_LINE);
    this.#writer.endBlock();
    this.#writer.sync();
    this.folder.sync();
  }

  #commit(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    const told = this.#told;
    const refusal = this.#refusal ?? this.#write();
    this.#waiting = [];
    this.#told += waiting.length;
    this.#refusal = null;
    if (refusal !== null) this.#calls.refuseAfter(told);
    const error = refusal === null ? null : new JournalUnavailableError(refusal);
    waiting.forEach((begun, index) => this.#tell(begun, error, told + 1 + index));
  }

  /** One caller that breaks its promise not to throw must not keep the others waiting. */
  #tell(begun: Begun, error: JournalUnavailableError | null, ticket: number): void {
    try {
      begun(error, ticket);
    } catch (err) {
      this.options.logger.error({ err }, 'a call failed after its beginning was journaled');
    }
  }

  #writeEnds(): void {
    this.#isEndTimed = false;
    // Beginnings that are staged are about to be written, and the ends with them.
    if (this.#waiting.length === 0) this.#write();
  }

  /** Writes what is staged; answers why that failed, or `null`. */
  #write(): unknown {
    if (this.#isBroken) return this.#failure;
    try {
      this.#writer.endBlock();
    } catch (error) {
      this.#break(error);
      return error;
    }
    if (this.#writer.size >= this.#fullAt) this.#rollWhenFull();
    return null;
  }

  /** A segment that is only full is used on when no next one can be made. */
  #rollWhenFull(): void {
    try {
      this.#roll();
    } catch (error) {
      this.#fail(error);
      this.#fullAt = this.#writer.size + this.options.limits.segmentBytes;
    }
  }

  /** Begins the next segment. All that is staged is in its snapshot. */
  #roll(): void {
    const previous = this.#writer;
    this.#writer = this.#beginSegment();
    previous.close();
  }

  #beginSegment(): SegmentWriter {
    const { folder, options } = this;
    this.#calls.prune(options.clock.now());
    const segment = this.#segment + 1;
    const writer = new SegmentWriter(folder.draft(segment));
    try {
      writer.line(`${VERSION_LINE} ${fstatSync(writer.file).ino} ${options.boot}`);
      this.#calls.writeTo(writer);
      writer.endBlock();
      folder.publish(segment);
    } catch (error) {
      writer.close();
      throw error;
    }
    this.#segment = segment;
    this.#fullAt = writer.size + Math.max(options.limits.segmentBytes, writer.size);
    this.#tidy();
    return writer;
  }

  /** The new segment counts already, so what else is there is only in the way. */
  #tidy(): void {
    try {
      this.folder.keepOnly(this.#segment);
    } catch (err) {
      this.options.logger.warn({ err }, 'an old segment of the call journal could not be deleted');
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#logChange();
  }

  #break(error: unknown): void {
    this.#isBroken = true;
    this.#fail(error);
  }

  async #check(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      if (fstatSync(this.#writer.file).nlink === 0) {
        // It still takes bytes, but nobody will ever read them.
        this.#break(new Error(`Segment ${this.#segment} was deleted while it was in use.`));
      }
      const { bavail, bsize } = await statfs(this.folder.directory);
      if (this.#isClosed) return;
      this.#isDiskLow = bavail * bsize < this.options.limits.minFreeBytes;
      if (this.#failure !== null) this.#repair();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isChecking = false;
      // Who closed it knows.
      if (!this.#isClosed) this.#logChange();
    }
  }

  #repair(): void {
    this.#roll();
    this.#isBroken = false;
    this.#failure = null;
  }

  #logChange(): void {
    const { isHealthy, holderId } = this;
    if (isHealthy === this.#wasHealthy) return;
    this.#wasHealthy = isHealthy;
    const { logger } = this.options;
    if (isHealthy) logger.info({ holderId }, 'call journal works again');
    else {
      const state = { holderId, isDiskLow: this.#isDiskLow, err: this.#failure };
      logger.error(state, 'call journal can’t be written: calls that are limited are refused');
    }
  }
}

/** What the predecessor left, or `null` when that can't be trusted. */
function readLeft(
  folder: JournalFolder,
  { boot, logger }: Required<JournalOptions>,
): readonly UsedLease[] | null {
  try {
    return readTrusted(folder, boot);
  } catch (error) {
    if (!(error instanceof DamagedJournalError)) throw error;
    const facts = { holderId: folder.holderId, err: error };
    logger.error(facts, 'call journal can’t be trusted: all that was leased counts as used');
    return null;
  }
}

function readTrusted(folder: JournalFolder, boot: string): readonly UsedLease[] {
  const segment = folder.read(folder.newest());
  if (segment === null) throw new DamagedJournalError('It is gone.');
  const content = readSegment(segment.bytes);
  if (content.inode !== segment.inode) throw new DamagedJournalError('It is a copy.');
  if (!content.isClosed && !isSameBoot(content.boot, boot)) {
    throw new DamagedJournalError('It was in use when the machine stopped.');
  }
  return content.leases;
}
