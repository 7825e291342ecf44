import { Inject, Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';

import { LOGGER, type Logger } from '#platform/observability/logger.js';
import { METRICS } from '#platform/observability/metrics.js';

/** Of one pass, so that what is wrong with all of them does not fill the log. */
const MAX_LOGGED = 10;

/** What went wrong in one pass over all that is watched. */
type WatchPass = {
  readonly failed: (organizationId: string, error: Error) => void;
  /** @throws {Error} the first of them */
  readonly end: () => void;
};

/** Says and counts where alerts could not be looked for. */
@Injectable()
export class WatchFailures {
  readonly #failures: Counter;

  constructor(
    @Inject(METRICS) registry: Registry,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#failures = new Counter({
      name: 'latchkey_audit_watch_failures_total',
      help: 'Times that alerts could not be looked for in the log, or in the costs, of an organization. What was left is looked at in the next pass.',
      registers: [registry],
    });
  }

  pass(): WatchPass {
    let first: Error | null = null;
    let count = 0;
    return {
      failed: (organizationId, error) => {
        first ??= error;
        this.#failures.inc();
        if (++count > MAX_LOGGED) return;
        this.logger.error(
          { err: error, organization_id: organizationId },
          'Alerts could not be looked for.',
        );
      },
      end: () => {
        if (first) throw first;
      },
    };
  }
}
