import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';

import { type Logger, LOGGER } from '#platform/observability/logger.js';

import { SpoolWriter } from './spool/spool-writer.js';
import type { UsageRecord } from './usage-record.js';
import { UsageRecorder } from './usage-recorder.port.js';

type Pending = { readonly record: UsageRecord; readonly written: (error: Error | null) => void };

/** Gathers the records of one turn of the event loop and writes them together. */
@Injectable()
export class SpoolUsageRecorder extends UsageRecorder implements OnApplicationShutdown {
  #pending: Pending[] = [];

  constructor(
    private readonly writer: SpoolWriter,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super();
  }

  override record(record: UsageRecord, written: (error: Error | null) => void): void {
    if (this.#pending.push({ record, written }) === 1) setImmediate(() => this.#commit());
  }

  override get isHealthy(): boolean {
    return this.writer.isHealthy;
  }

  onApplicationShutdown(): void {
    this.#commit();
  }

  #commit(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    let failure: Error | null = null;
    try {
      this.writer.appendAll(pending.map(({ record }) => record));
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    for (const { record, written } of pending) this.#tell(record, written, failure);
  }

  /** One caller that breaks its promise not to throw must not keep the others waiting. */
  #tell({ id }: UsageRecord, written: Pending['written'], failure: Error | null): void {
    try {
      written(failure);
    } catch (error) {
      this.logger.error({ err: error, recordId: id }, 'a call failed after its usage was recorded');
    }
  }
}
