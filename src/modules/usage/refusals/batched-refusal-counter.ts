import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Counter, type Registry } from 'prom-client';

import { Clock } from '#common/time/clock.js';
import { within } from '#common/time/within.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';
import { METRICS } from '#platform/observability/metrics.js';

import { PartitionKeeperService } from '../partition-keeper.service.js';
import type { UsageCaller } from '../usage-record.js';
import { RefusalCounter } from './refusal-counter.port.js';
import { RefusalRepository, type Refusals } from './refusal.repository.js';

const MINUTE_MS = 60_000;
const INTERVAL_MS = 5_000;
/** Keys and minutes that are counted apart while PostgreSQL does not take them. */
const MAX_PENDING = 10_000;
const SHUTDOWN_MS = 5_000;

/** Counts in memory, and adds the counts to the roll-ups every few seconds, as long as there are any. */
@Injectable()
export class BatchedRefusalCounter extends RefusalCounter implements OnApplicationShutdown {
  /** By key and minute. Ids of keys are unique in the whole installation. */
  #pending = new Map<string, Refusals>();
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> | null = null;
  readonly #uncounted: Counter;

  constructor(
    private readonly refusals: RefusalRepository,
    private readonly partitions: PartitionKeeperService,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) registry: Registry,
  ) {
    super();
    this.#uncounted = new Counter({
      name: 'latchkey_usage_uncounted_refusals_total',
      help: 'Refused calls that are missing in the roll-ups, because PostgreSQL was away for too long.',
      registers: [registry],
    });
  }

  override refused({ organizationId, keyId }: UsageCaller): void {
    const minuteMs = Math.floor(this.clock.now() / MINUTE_MS) * MINUTE_MS;
    this.#add({ organizationId, keyId, minuteMs, calls: 1 });
    this.#timer ??= setTimeout(() => void this.flush(), INTERVAL_MS).unref();
  }

  /** Never rejects: what can't be stored now is tried again. */
  async flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#writing;
    if (this.#pending.size === 0) return;
    const counted = [...this.#pending.values()];
    this.#pending = new Map();
    this.#writing = this.#write(counted);
    await this.#writing;
    this.#writing = null;
  }

  async onApplicationShutdown(): Promise<void> {
    try {
      await within(SHUTDOWN_MS, this.flush(), 'PostgreSQL does not take the counts.');
    } catch (error) {
      this.logger.warn({ err: error }, 'refused calls were not counted in time');
    }
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#pending.size > 0) this.logger.warn('the last counts of refused calls are lost');
  }

  #add(more: Refusals): void {
    const name = `${more.keyId} ${more.minuteMs}`;
    const known = this.#pending.get(name);
    if (known) known.calls += more.calls;
    else if (this.#pending.size < MAX_PENDING) this.#pending.set(name, more);
    else this.#uncounted.inc(more.calls);
  }

  async #write(counted: readonly Refusals[]): Promise<void> {
    try {
      const unstorable = await this.partitions.prepare(counted.map(({ minuteMs }) => minuteMs));
      const [storable, lost] = [[], []] as [Refusals[], Refusals[]];
      for (const one of counted) (unstorable.has(one.minuteMs) ? lost : storable).push(one);
      await this.refusals.addAcrossTenants(storable);
      for (const { calls } of lost) this.#uncounted.inc(calls);
    } catch (error) {
      // One of the reasons may be a partition that is gone. A connection that broke after the commit counts them twice.
      this.partitions.forget();
      this.logger.warn({ err: error }, 'refused calls can’t be counted just now: tried again');
      for (const one of counted) this.#add(one);
      this.#timer ??= setTimeout(() => void this.flush(), INTERVAL_MS).unref();
    }
  }
}
