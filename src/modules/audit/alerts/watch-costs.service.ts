import { Injectable } from '@nestjs/common';

import { toError } from '#common/errors/to-error.js';
import { Clock } from '#common/time/clock.js';
import { type WatchedKey, WatchedKeys } from '#modules/keys/index.js';
import { UsageReports } from '#modules/usage/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { RaiseAlertsService } from './raise-alerts.service.js';
import { WatchFailures } from './watch-failures.js';
import { watchedKeys } from './watched-keys.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** What a key costs usually is what it cost in a week. */
const USUAL_HOURS = 7 * 24;

/** Compares what watched keys cost within an hour with what they cost usually. */
@Injectable()
export class WatchCostsService {
  constructor(
    private readonly keys: WatchedKeys,
    private readonly usage: UsageReports,
    private readonly alerts: RaiseAlertsService,
    private readonly failures: WatchFailures,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /**
   * Somebody must be acting. One key after the other, whatever becomes of the others.
   * @param maxKeys that are listed in one go
   * @throws {Error} the first of what went wrong, after all others were looked at
   */
  async watchAll(maxKeys: number, signal: AbortSignal): Promise<void> {
    const pass = this.failures.pass();
    for await (const key of watchedKeys(this.keys, maxKeys)) {
      if (signal.aborted) return;
      await this.#watch(key).catch((error: unknown) => {
        pass.failed(key.organizationId, toError(error));
      });
    }
    pass.end();
  }

  async #watch({ organizationId, keyId }: WatchedKey): Promise<void> {
    const at = this.clock.now();
    const end = Math.floor(at / MINUTE_MS) * MINUTE_MS;
    const start = end - HOUR_MS;
    const { points } = await this.usage.report({
      organizationId,
      keyId,
      boundariesMs: [start - USUAL_HOURS * HOUR_MS, start, end],
      groupBy: null,
    });
    const [usual, now] = [points[0]?.costNanos ?? 0n, points[1]?.costNanos ?? 0n];
    if (now === 0n) return;
    const event = {
      kind: 'spent',
      at,
      nanos: now,
      usualNanos: usual / BigInt(USUAL_HOURS),
    } as const;
    await this.transactions.run(() => this.alerts.see(organizationId, new Map([[keyId, [event]]])));
  }
}
