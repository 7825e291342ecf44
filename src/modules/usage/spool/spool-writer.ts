import { closeSync, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import { statfs } from 'node:fs/promises';

import type { Clock } from '#common/time/clock.js';
import type { Logger } from '#platform/observability/logger.js';

import type { UsageRecord } from '../usage-record.js';
import { SpoolUnavailableError } from '../usage.errors.js';
import { LineBuffer } from './line-buffer.js';
import { listSegments, segmentPath, type SpoolFolder, type SpoolPosition } from './spool-folder.js';

const MIB = 1024 * 1024;
/** Room for several hundred ordinary records, and for any one. */
const STAGE_BYTES = 128 * 1024;

export const SPOOL_LIMITS = {
  /** A segment that reached this size is closed and the next one begun. */
  segmentBytes: 8 * MIB,
  /** With more than this waiting for PostgreSQL nothing new is admitted: about 4 million records. */
  maxUnshippedBytes: 1024 * MIB,
  /** With less free disk than this nothing new is admitted; it is the room for the records of calls in flight. */
  minFreeBytes: 32 * MIB,
  /** How often the disk is looked at, and a broken spool tried again. */
  checkIntervalMs: 1_000,
} as const;
export type SpoolLimits = Readonly<Record<keyof typeof SPOOL_LIMITS, number>>;

/** More than a record, so that a disk with only a few bytes left does not pass. Readers skip it. */
const BLANK_LINE = Buffer.from(`${' '.repeat(8_191)}\n`, 'latin1');

/**
 * Appends records to the spool's live segment. They are staged as the lines they will be, and written together by one
 * synchronous write: the bytes are the kernel's when `commit` returns, so the death of this process loses nothing. (The
 * loss of power may cost what was written since the kernel's last write-back, less what PostgreSQL has already.)
 *
 * A segment that a failed write left with a torn last line is never written to again, and neither is a predecessor's.
 */
export class SpoolWriter {
  readonly #lines = new LineBuffer(STAGE_BYTES);
  readonly #closed = new Map<number, number>();
  readonly #timer: NodeJS.Timeout;
  #file: number;
  #segment: number;
  /** Up to the end of the last whole line. */
  #size = 0;
  /** What follows the last whole line is of no use, so nothing may be written after it. */
  #isTorn = false;
  #failure: unknown = null;
  #isDiskLow = false;
  #wasHealthy = true;
  #isChecking = false;
  #unshippedBytes = 0;
  #oldestUnshippedMs: number | null = null;
  #appended = 0;
  /** Records since the last commit. */
  #staged = 0;
  /** Why one of them can't be written. */
  #stageFailure: SpoolUnavailableError | null = null;

  /** @throws the file system's error when the first segment can't be made */
  constructor(
    private readonly folder: SpoolFolder,
    private readonly logger: Logger,
    private readonly clock: Clock,
    private readonly limits: SpoolLimits = SPOOL_LIMITS,
  ) {
    const left = listSegments(folder.directory);
    for (const { segment, bytes } of left) {
      this.#closed.set(segment, bytes);
      this.#unshippedBytes += bytes;
    }
    const oldest = left.find(({ bytes }) => bytes > 0);
    if (oldest) {
      this.#oldestUnshippedMs = statSync(segmentPath(folder.directory, oldest.segment)).mtimeMs;
    }
    // Numbers start from the clock: one that PostgreSQL has a position in is not used again, even if its file is gone.
    this.#segment = Math.max((left.at(-1)?.segment ?? 0) + 1, Math.floor(clock.now() / 1_000));
    this.#file = this.#create(this.#segment);
    this.#timer = setInterval(() => void this.#check(), limits.checkIntervalMs).unref();
  }

  /** @throws {SpoolUnavailableError} when the record could not be written */
  append(record: UsageRecord): void {
    this.stage(record);
    this.commit();
  }

  /** Takes the record; nothing of it is needed afterwards. The next {@link commit} says whether it is written. */
  stage(record: UsageRecord): void {
    this.#staged++;
    // Those of one commit are refused together, so what follows a failure need not be written.
    if (this.#stageFailure !== null) return;
    try {
      if (!this.#lines.hasRoom) this.#flush();
      this.#lines.add(record);
    } catch (error) {
      this.#stageFailure = toUnavailable(error);
    }
  }

  /**
   * Writes what is staged with one write; when there was much, a part of it is written already. After a failure some
   * of the records may be in the spool all the same; their callers are refused, so they err on the side of having been
   * counted.
   * @throws {SpoolUnavailableError} when any record since the last commit could not be written
   */
  commit(): void {
    const staged = this.#staged;
    const failure = this.#stageFailure;
    this.#staged = 0;
    this.#stageFailure = null;
    if (failure !== null) {
      this.#lines.clear();
      throw failure;
    }
    this.#flush();
    this.#appended += staged;
  }

  get isHealthy(): boolean {
    return (
      this.#failure === null &&
      !this.#isDiskLow &&
      this.#unshippedBytes <= this.limits.maxUnshippedBytes
    );
  }

  /** Where the next record will go. */
  get end(): SpoolPosition {
    return { segment: this.#segment, offset: this.#size };
  }

  get appended(): number {
    return this.#appended;
  }

  get unshippedBytes(): number {
    return this.#unshippedBytes;
  }

  /** About when the oldest record that is not shipped was written; `null` when all are shipped. */
  get oldestUnshippedMs(): number | null {
    return this.#oldestUnshippedMs;
  }

  /**
   * Learns that PostgreSQL has everything before `position`.
   * @param lastShippedMs when the last record before it was written, if there was one
   * @returns the closed segments that are of no more use
   */
  markShipped(position: SpoolPosition, lastShippedMs: number | null): number[] {
    const done = [...this.#closed.keys()].filter((segment) => segment < position.segment);
    for (const segment of done) this.#closed.delete(segment);
    let unshipped = 0;
    for (const [segment, bytes] of [...this.#closed, [this.#segment, this.#size] as const]) {
      if (segment > position.segment) unshipped += bytes;
      else if (segment === position.segment) unshipped += Math.max(0, bytes - position.offset);
    }
    this.#unshippedBytes = unshipped;
    if (unshipped === 0) this.#oldestUnshippedMs = null;
    else this.#oldestUnshippedMs = lastShippedMs ?? this.#oldestUnshippedMs;
    return done;
  }

  /**
   * Stops watching the disk. The file stays open until the process ends: a record that comes late is still written, and
   * shipped at the next start.
   */
  close(): void {
    clearInterval(this.#timer);
  }

  #create(segment: number): number {
    return openSync(segmentPath(this.folder.directory, segment), 'ax', 0o600);
  }

  #flush(): void {
    const { bytes, length } = this.#lines;
    this.#lines.clear();
    if (length === 0) return;
    // A segment that is only full is used on when no next one can be made: its records can still be written.
    if (this.#needsNext() && !this.#roll() && this.#isTorn) {
      throw new SpoolUnavailableError(this.#failure);
    }
    this.#write(bytes, length);
    this.#oldestUnshippedMs ??= this.clock.now();
  }

  #write(bytes: Buffer, length: number): void {
    let written = 0;
    try {
      while (written < length) {
        const taken = writeSync(this.#file, bytes, written, length - written);
        if (taken === 0) throw new Error('The file system took no bytes.');
        written += taken;
      }
    } catch (cause) {
      this.#isTorn ||= written > 0;
      this.#fail(cause);
      throw new SpoolUnavailableError(cause);
    }
    this.#size += length;
    this.#unshippedBytes += length;
  }

  #needsNext(): boolean {
    return this.#isTorn || this.#size >= this.limits.segmentBytes;
  }

  /** Begins the next segment; answers whether that worked. */
  #roll(): boolean {
    try {
      const file = this.#create(this.#segment + 1);
      const previous = this.#file;
      this.#closed.set(this.#segment, this.#size);
      this.#file = file;
      this.#segment++;
      this.#size = 0;
      this.#isTorn = false;
      closeSync(previous);
      return true;
    } catch (cause) {
      this.#fail(cause);
      return false;
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
  }

  async #check(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      if (fstatSync(this.#file).nlink === 0) {
        // It still takes bytes, but nobody will ever read them.
        this.#isTorn = true;
        this.#fail(new Error(`Segment ${this.#segment} was deleted while it was in use.`));
      }
      const { bavail, bsize } = await statfs(this.folder.directory);
      this.#isDiskLow = bavail * bsize < this.limits.minFreeBytes;
      if (this.#failure !== null) this.#probe();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isChecking = false;
      this.#logChange();
    }
  }

  /** Writes what readers skip; a spool that takes it is sound again. */
  #probe(): void {
    if (this.#needsNext() && !this.#roll()) return;
    this.#write(BLANK_LINE, BLANK_LINE.length);
    this.#failure = null;
  }

  #logChange(): void {
    const { isHealthy } = this;
    if (isHealthy === this.#wasHealthy) return;
    this.#wasHealthy = isHealthy;
    const facts = { spoolId: this.folder.spoolId, unshippedBytes: this.#unshippedBytes };
    if (isHealthy) this.logger.info(facts, 'usage spool works again');
    else {
      const state = { ...facts, isDiskLow: this.#isDiskLow, err: this.#failure };
      this.logger.error(state, 'usage spool can’t be written: calls that cost are refused');
    }
  }
}

function toUnavailable(error: unknown): SpoolUnavailableError {
  return error instanceof SpoolUnavailableError ? error : new SpoolUnavailableError(error);
}
