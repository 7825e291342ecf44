import type { Logger } from '#platform/observability/logger.js';

import type { PartitionKeeperService } from './partition-keeper.service.js';
import { NO_ROWS, type Rows, type SpoolLine } from './spool/line-batch.js';
import { comparePositions, type SpoolFolder, type SpoolPosition } from './spool/spool-folder.js';
import {
  MAX_BATCH_RECORDS,
  type SpoolBatch,
  type SpoolFault,
  type SpoolReader,
} from './spool/spool-reader.js';
import { type RejectionReason, SpoolSideFiles } from './spool/spool-side-files.js';
import { readFields } from './spool/usage-line.js';
import type { UsageShipmentRepository } from './usage-shipment.repository.js';
import { MissingPartitionError, UnstorableRecordsError } from './usage.errors.js';

const BEGINNING: SpoolPosition = { segment: 0, offset: 0 };
const REFUSED_TIME: RejectionReason = {
  code: 'occurred_at',
  message:
    'The time is before those that usage is kept of, or more than a day ahead of the database’s clock.',
};

export type SpoolDrainPorts = {
  readonly shipments: UsageShipmentRepository;
  readonly partitions: PartitionKeeperService;
  readonly logger: Logger;
};

/** Counts of what one drain moved or met. */
export type DrainCounts = {
  shipped: number;
  duplicates: number;
  corrupt: number;
  torn: number;
  rejected: number;
};

export type DrainStep = {
  /** PostgreSQL has everything before it. */
  readonly at: SpoolPosition;
  /** There was nothing left to read. */
  readonly isAtEnd: boolean;
  /** The time of the last record of the batch, if it had any. */
  readonly lastOccurredAtMs: number | null;
};

/**
 * Moves one spool into PostgreSQL, batch by batch. Any number of drains of the same spool, in any number of processes,
 * count each record once: see `UsageShipmentRepository`.
 *
 * A record that PostgreSQL refuses is found by halving the batch until it stands alone. Then it goes to
 * `rejected.log` and the position moves past it. Errors that do not speak of the data are never taken for that.
 */
export class SpoolDrain {
  readonly counts: DrainCounts = { shipped: 0, duplicates: 0, corrupt: 0, torn: 0, rejected: 0 };
  readonly #sideFiles: SpoolSideFiles;
  /** As PostgreSQL last said; `null` when it must be asked. */
  #position: SpoolPosition | null = null;
  #batchSize = MAX_BATCH_RECORDS;
  /** What was put aside from the batch at hand, should that come again. At most as long as a batch. */
  #kept: SpoolPosition[] = [];

  /** @param end where the spool ends, known only to who writes it */
  constructor(
    private readonly folder: SpoolFolder,
    private readonly reader: SpoolReader,
    private readonly ports: SpoolDrainPorts,
    private readonly end: (() => SpoolPosition) | null = null,
  ) {
    this.#sideFiles = new SpoolSideFiles(folder);
  }

  /** The position, asked from PostgreSQL where it is not known. */
  async position(): Promise<SpoolPosition> {
    return (this.#position ??= await this.#load());
  }

  /**
   * Ships the next batch.
   * @throws what the database or the disk threw; calling again is safe and takes up where it stopped
   */
  async step(): Promise<DrainStep> {
    const from = await this.position();
    const batch = await this.reader.read(from, this.#batchSize);
    if (comparePositions(batch.to, from) === 0) {
      return { at: from, isAtEnd: true, lastOccurredAtMs: null };
    }
    await this.#keepFaults(batch.faults);
    try {
      await this.#ship(from, batch);
    } catch (error) {
      await this.#afterFailure(from, batch, error);
    }
    const lastOccurredAtMs = batch.lines.times.at(-1) ?? null;
    return { at: this.#position ?? from, isAtEnd: false, lastOccurredAtMs };
  }

  async #load(): Promise<SpoolPosition> {
    const { shipments, logger } = this.ports;
    const { spoolId } = this.folder;
    const stored = await shipments.positionOf(spoolId);
    if (!this.end || comparePositions(stored, this.end()) <= 0) return stored;
    // Only a copy of this data folder that is in use elsewhere can have come further than its writer. Each record is
    // stored once whatever the position says, so beginning again is safe; reading on from there would lose records.
    logger.error({ spoolId, stored }, 'usage spool is in use by another machine, too');
    await shipments.shipAcrossTenants({
      spoolId,
      from: stored,
      to: BEGINNING,
      rows: NO_ROWS,
    });
    return shipments.positionOf(spoolId);
  }

  async #ship(from: SpoolPosition, { lines, to }: SpoolBatch): Promise<void> {
    const refused = await this.ports.partitions.prepare(lines.times);
    for (const line of lines.linesOf(refused)) await this.#reject(line, REFUSED_TIME);
    await this.#move(from, to, lines.toRows(refused));
  }

  async #move(from: SpoolPosition, to: SpoolPosition, rows: Rows): Promise<void> {
    const { shipments, logger } = this.ports;
    const { spoolId } = this.folder;
    // Until the answer is there nobody knows: it may be lost after the commit.
    this.#position = null;
    const { isMoved, inserted } = await shipments.shipAcrossTenants({ spoolId, from, to, rows });
    if (!isMoved) {
      logger.warn({ spoolId, from }, 'usage spool was moved on by another process');
      return;
    }
    this.#position = to;
    this.#batchSize = Math.min(MAX_BATCH_RECORDS, this.#batchSize * 2);
    this.#forgetKept(to);
    this.counts.shipped += inserted;
    const duplicates = rows.count - inserted;
    if (duplicates === 0) return;
    this.counts.duplicates += duplicates;
    logger.warn({ spoolId, from, to, duplicates }, 'usage records were stored already');
  }

  async #afterFailure(from: SpoolPosition, batch: SpoolBatch, error: unknown): Promise<void> {
    const { lines, to } = batch;
    this.#batchSize = Math.max(1, Math.ceil(lines.length / 2));
    if (error instanceof MissingPartitionError) this.ports.partitions.forget();
    if (!(error instanceof UnstorableRecordsError) || lines.length === 0) throw error;
    this.#position = from;
    if (lines.length > 1) return;
    await this.#reject(lines.lineAt(0), error);
    await this.#move(from, to, NO_ROWS);
  }

  async #reject(line: SpoolLine, reason: RejectionReason): Promise<void> {
    const { at, fields } = line;
    if (this.#isKept(at)) return;
    await this.#sideFiles.keepRejected(line, reason);
    this.#kept.push(at);
    this.counts.rejected++;
    this.ports.logger.error(
      {
        spoolId: this.folder.spoolId,
        at,
        recordId: readFields(fields).id,
        code: reason.code,
        reason: reason.message,
      },
      'usage record refused: it is in rejected.log and must be booked by hand',
    );
  }

  async #keepFaults(faults: readonly SpoolFault[]): Promise<void> {
    for (const fault of faults) {
      if (this.#isKept(fault.at)) continue;
      const { kind, at, reason, bytes } = fault;
      const facts = { spoolId: this.folder.spoolId, at, reason, bytes: bytes.length };
      if (kind === 'corrupt') {
        await this.#sideFiles.keepCorrupt(fault);
        this.counts.corrupt++;
        this.ports.logger.error(
          facts,
          'usage spool is damaged: the bytes are in the .corrupt file',
        );
      } else if (kind === 'torn') {
        this.counts.torn++;
        this.ports.logger.warn(facts, 'usage spool: a last line was never written to its end');
      } else {
        this.ports.logger.error(facts, 'usage spool: a segment that was not shipped yet is gone');
      }
      this.#kept.push(at);
    }
  }

  #isKept(at: SpoolPosition): boolean {
    return this.#kept.some((kept) => comparePositions(kept, at) === 0);
  }

  #forgetKept(before: SpoolPosition): void {
    this.#kept = this.#kept.filter((kept) => comparePositions(kept, before) >= 0);
  }
}
