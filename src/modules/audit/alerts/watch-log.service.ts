import { Injectable } from '@nestjs/common';

import { toError } from '#common/errors/to-error.js';
import { WatchedKeys } from '#modules/keys/index.js';

import { WatchEntriesService, type WatchedLog } from './watch-entries.service.js';
import { WatchFailures } from './watch-failures.js';
import { watchedKeys } from './watched-keys.js';

const KEYS_PER_PAGE = 1_000;
/** Of one log in a pass: what is behind them waits for the next pass, not the other logs for it. */
const MAX_BATCHES = 20;

/** Reads the logs of organizations that have watched keys. */
@Injectable()
export class WatchLogService {
  constructor(
    private readonly keys: WatchedKeys,
    private readonly entries: WatchEntriesService,
    private readonly failures: WatchFailures,
  ) {}

  /**
   * One log after the other, whatever becomes of the others.
   * @param maxEntries that one transaction looks at
   * @throws {Error} the first of what went wrong, after all others were looked at
   */
  async watchAll(maxEntries: number, signal: AbortSignal): Promise<void> {
    const pass = this.failures.pass();
    for await (const log of watchedLogs(this.keys)) {
      if (signal.aborted) return;
      await this.#watch(log, maxEntries, signal).catch((error: unknown) => {
        pass.failed(log.organizationId, toError(error));
      });
    }
    pass.end();
  }

  async #watch(log: WatchedLog, maxEntries: number, signal: AbortSignal): Promise<void> {
    for (let batches = 0; batches < MAX_BATCHES && !signal.aborted; batches++) {
      if (!(await this.entries.watchNext(log, maxEntries))) return;
    }
  }
}

async function* watchedLogs(keys: WatchedKeys): AsyncGenerator<WatchedLog> {
  let log: WatchedLog | null = null;
  for await (const { organizationId, keyId } of watchedKeys(keys, KEYS_PER_PAGE)) {
    if (log && log.organizationId !== organizationId) {
      yield log;
      log = null;
    }
    log ??= { organizationId, keyIds: new Set() };
    log.keyIds.add(keyId);
  }
  if (log) yield log;
}
