import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';

import { toError } from '#common/errors/to-error.js';
import { type Logger, LOGGER } from '#platform/observability/logger.js';

import { SpoolWriter } from './spool/spool-writer.js';
import type { UsageRecord } from './usage-record.js';
import { UsageRecorder } from './usage-recorder.port.js';

type Written = (error: Error | null) => void;

/** Has the records of one turn of the event loop written together. */
@Injectable()
export class SpoolUsageRecorder extends UsageRecorder implements OnApplicationShutdown {
  /** The callers of the records that are staged. */
  #waiting: Written[] = [];

  constructor(
    private readonly writer: SpoolWriter,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super();
  }

  override record(record: UsageRecord, written: Written): void {
    this.writer.stage(record);
    if (this.#waiting.push(written) === 1) setImmediate(() => this.#commit());
  }

  override get isHealthy(): boolean {
    return this.writer.isHealthy;
  }

  onApplicationShutdown(): void {
    this.#commit();
  }

  #commit(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    let failure: Error | null = null;
    try {
      this.writer.commit();
    } catch (error) {
      failure = toError(error);
    }
    for (const written of waiting) this.#tell(written, failure);
  }

  /** One caller that breaks its promise not to throw must not keep the others waiting. */
  #tell(written: Written, failure: Error | null): void {
    try {
      written(failure);
    } catch (error) {
      this.logger.error({ err: error }, 'a call failed after its usage was recorded');
    }
  }
}
