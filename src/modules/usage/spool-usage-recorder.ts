import { Injectable, type OnApplicationShutdown } from '@nestjs/common';

import { SpoolWriter } from './spool/spool-writer.js';
import type { UsageRecord } from './usage-record.js';
import { UsageRecorder } from './usage-recorder.port.js';

type Pending = { readonly record: UsageRecord; readonly written: (error: Error | null) => void };

/** Gathers the records of one turn of the event loop and writes them together. */
@Injectable()
export class SpoolUsageRecorder extends UsageRecorder implements OnApplicationShutdown {
  #pending: Pending[] = [];

  constructor(private readonly writer: SpoolWriter) {
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
    for (const { written } of pending) written(failure);
  }
}
