/** Instances that share limits on one PostgreSQL, without all that is around them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { DataSource } from 'typeorm';
import { onTestFinished } from 'vitest';

import { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import {
  type Admission,
  CallLimiter,
  type Claim,
  type Reservation,
} from '#modules/limits/call-limiter.service.js';
import type { Allowance } from '#modules/limits/domain/allowance.js';
import { amountsOf } from '#modules/limits/domain/amounts.js';
import { AllowanceAlerts } from '#modules/limits/allowance-alerts.js';
import { CallJournal } from '#modules/limits/journal/call-journal.js';
import { LeaseKeeper } from '#modules/limits/leases/lease-keeper.service.js';
import type { Account } from '#modules/limits/leases/lease-set.js';
import { LimitsMetrics } from '#modules/limits/limits.metrics.js';
import type { AllowanceStore } from '#modules/limits/store/allowance-store.port.js';
import { AllowanceStores } from '#modules/limits/store/allowance-stores.js';
import { PostgresAllowanceStore } from '#modules/limits/store/postgres.allowance-store.js';
import { RedisAllowanceStore } from '#modules/limits/store/redis.allowance-store.js';
import { dataSourceOptions } from '#platform/database/data-source.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventBus } from '#platform/events/event-bus.js';
import { Instances } from '#platform/fanout/instances.js';
import { createLogger } from '#platform/observability/logger.js';

export class SetClock extends Clock {
  constructor(public time: number) {
    super();
  }

  override now(): number {
    return this.time;
  }
}

export function allowance(fields: Partial<Allowance> = {}): Allowance {
  return {
    organizationId: 'org_a',
    subject: 'key',
    subjectId: 'key_a',
    metric: 'requests',
    window: 'day',
    limit: 100,
    burst: null,
    model: null,
    alertThreshold: null,
    ...fields,
  };
}

export type Alert = { readonly reached: string; readonly metric: string };

type World = {
  readonly clock: Clock;
  readonly dataSource: DataSource;
  readonly instances: Instances;
  readonly store: AllowanceStore;
};

function newFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'latchkey-limits-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export class Instance {
  private constructor(
    readonly alerts: readonly Alert[],
    readonly keeper: LeaseKeeper,
    readonly limiter: CallLimiter,
    private readonly world: World,
  ) {}

  /** Without Redis all limits are in PostgreSQL; without a folder it has a new one. */
  static async start(
    url: string,
    clock: Clock,
    { redisUrl, dataDir = newFolder() }: { redisUrl?: string; dataDir?: string } = {},
  ): Promise<Instance> {
    const dataSource = await new DataSource(dataSourceOptions(new Secret(url))).initialize();
    const transactions = new TransactionRunner(dataSource);
    const lasting = new PostgresAllowanceStore(transactions, clock);
    const metrics = new LimitsMetrics(new Registry());
    const logger = createLogger('silent');
    const events = new EventBus(transactions, logger);
    const alerts: Alert[] = [];
    events.on('limits.allowance-reached', ({ reached, state }) => {
      alerts.push({ reached, metric: state.metric });
    });
    const stores = new AllowanceStores(
      lasting,
      redisUrl === undefined
        ? lasting
        : await RedisAllowanceStore.connect(new Secret(redisUrl), lasting, {
            transactions,
            clock,
            logger,
          }),
    );
    const journal = CallJournal.open(dataDir, { clock, logger });
    const keeper = new LeaseKeeper(
      stores,
      journal,
      new AllowanceAlerts(events, metrics, logger),
      logger,
    );
    const instances = new Instances(transactions, logger);
    const limiter = new CallLimiter(keeper, journal, instances, clock);
    await instances.onModuleInit();
    await keeper.onModuleInit();
    limiter.onModuleInit();
    return new Instance(alerts, keeper, limiter, { clock, dataSource, instances, store: lasting });
  }

  /** Of what lasts longer than a minute. */
  get store(): AllowanceStore {
    return this.world.store;
  }

  account(allowances: readonly Allowance[]): Account {
    return this.limiter.openAccount(allowances, (pattern, model) => pattern === model);
  }

  async take(account: Account, costNanos = 0, claim: Partial<Claim> = {}): Promise<Reservation> {
    const taken = this.limiter.admit({
      set: account.setOf('model', this.world.clock.now()),
      amounts: amountsOf(0, 0, costNanos, 0),
      maxQueued: 0,
      hasPriority: false,
      fit: () => null,
      ...claim,
    });
    return isWaiting(taken) ? taken.reserved : taken;
  }

  /** `admitted`, or the code that it is refused with. */
  async tryTake(account: Account, costNanos = 0, claim: Partial<Claim> = {}): Promise<string> {
    try {
      await this.take(account, costNanos, claim);
      return 'admitted';
    } catch (error) {
      return (error as { code: string }).code;
    }
  }

  /** It is not heard of any more, and gives nothing back. */
  async kill(): Promise<void> {
    await this.world.instances.onApplicationShutdown();
    await this.world.dataSource.destroy();
  }

  async stop(): Promise<void> {
    await this.keeper.onApplicationShutdown();
    await this.world.instances.onApplicationShutdown();
    await this.world.dataSource.destroy();
  }
}

function isWaiting(taken: Reservation | Admission): taken is Admission {
  return 'reserved' in taken;
}
