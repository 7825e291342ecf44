import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';

import { within } from '#common/time/within.js';
import { speaksOfData } from '#platform/database/pg-errors.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import { AuditEntryRepository } from '../trail/audit-entry.repository.js';
import type { EntryLine } from '../trail/entry-line.js';
import { type ClosedSegment, SpoolFolder } from './spool-folder.js';
import { readLine } from './spool-line.js';

const INTERVAL_MS = 500;
const BATCH = 500;
const SHUTDOWN_MS = 5_000;

/**
 * Brings what was spooled to PostgreSQL. A segment is deleted once all of it is there, and shipped again where that is not known:
 * an entry that is there already is left alone, by its id. While PostgreSQL is away the disk is the queue.
 */
@Injectable()
export class ShipEntriesService implements OnApplicationBootstrap, OnApplicationShutdown {
  #timer: NodeJS.Timeout | null = null;
  #shipping: Promise<void> | null = null;
  #isAway = false;

  constructor(
    private readonly folder: SpoolFolder,
    private readonly entries: AuditEntryRepository,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.#try(), INTERVAL_MS).unref();
  }

  /** What is left then is shipped at the next start. */
  async onApplicationShutdown(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    try {
      await within(SHUTDOWN_MS, this.flush(), 'PostgreSQL does not take the entries.');
    } catch (error) {
      this.logger.warn({ err: error }, 'Entries of the audit log are left for the next start');
    }
  }

  /** Ships all that was spooled until now. */
  async flush(): Promise<void> {
    await this.#shipping;
    await (this.#shipping = this.#ship().finally(() => (this.#shipping = null)));
  }

  async #try(): Promise<void> {
    if (this.#shipping || this.folder.unshippedBytes === 0) return;
    try {
      await this.flush();
      this.#isAway = false;
    } catch (error) {
      if (!this.#isAway) {
        this.logger.warn({ err: error }, 'Entries of the audit log wait on the disk: tried again');
      }
      this.#isAway = true;
    }
  }

  async #ship(): Promise<void> {
    this.folder.close();
    for (const segment of [...this.folder.closed]) {
      const lines = await this.#read(segment);
      for (let from = 0; from < lines.length; from += BATCH) {
        await this.#store(lines.slice(from, from + BATCH));
      }
      await this.folder.remove(segment);
    }
  }

  async #read(segment: ClosedSegment): Promise<EntryLine[]> {
    const entries: EntryLine[] = [];
    for (const line of await this.folder.linesOf(segment)) {
      const entry = readLine(line);
      if (entry) entries.push(entry);
      else {
        await this.folder.keepAside('corrupt.log', line);
        this.logger.error({ segment: segment.name }, 'A line of the audit spool is damaged');
      }
    }
    return entries;
  }

  /** What PostgreSQL refuses is found by halving. */
  async #store(lines: readonly EntryLine[]): Promise<void> {
    try {
      await this.entries.insert(lines);
    } catch (error) {
      if (!speaksOfData(error)) throw error;
      const [first] = lines;
      if (lines.length > 1) {
        const half = Math.ceil(lines.length / 2);
        await this.#store(lines.slice(0, half));
        await this.#store(lines.slice(half));
      } else if (first) {
        await this.folder.keepAside('rejected.log', JSON.stringify(first));
        const facts = { entry: first.id, err: error };
        this.logger.error(facts, 'PostgreSQL refuses an entry of the audit log: see rejected.log');
      }
    }
  }
}
