import { Inject, Injectable } from '@nestjs/common';

import { LOGGER, type Logger } from '#platform/observability/logger.js';

const EVERY_MS = 10_000;

/**
 * With its store away BullMQ reports an error for each of its attempts and connections. They are one event for whoever
 * reads the log: the first is written at once, then one line in ten seconds with the number of those left out.
 */
@Injectable()
export class QueueErrorLog {
  #quietUntil = -Infinity;
  #leftOut = 0;

  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  report(queue: string, error: Error): void {
    const now = performance.now();
    if (now < this.#quietUntil) {
      this.#leftOut++;
      return;
    }
    this.logger.error({ queue, err: error, leftOut: this.#leftOut }, 'The job queue has a problem');
    this.#quietUntil = now + EVERY_MS;
    this.#leftOut = 0;
  }
}
