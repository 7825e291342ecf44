/** Notifications from the outbox to their receivers, without all that is around them. */
import { Test, type TestingModule } from '@nestjs/testing';
import { randomBytes } from 'node:crypto';

import { newId } from '#common/ids/prefixed-id.js';
import { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { AuditTrailModule } from '#modules/audit/index.js';
import type { ChannelReach } from '#modules/notifications/channel-reach.js';
import { DeliverNotificationService } from '#modules/notifications/dispatch/deliver-notification.service.js';
import { SweepNotificationsService } from '#modules/notifications/dispatch/sweep-notifications.service.js';
import { Notifier, type Notification } from '#modules/notifications/notifier.port.js';
import { NotificationsModule } from '#modules/notifications/notifications.module.js';
import { WebhookSecrets } from '#modules/notifications/webhook-secrets.js';
import { ConfigModule } from '#platform/config/config.module.js';
import { type Config, loadEnv } from '#platform/config/env.js';
import { CryptoModule } from '#platform/crypto/crypto.module.js';
import { RootKey } from '#platform/crypto/root-key.js';
import { DatabaseModule } from '#platform/database/database.module.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventsModule } from '#platform/events/events.module.js';
import { createLogger } from '#platform/observability/logger.js';
import { ObservabilityModule } from '#platform/observability/observability.module.js';
import { QueueModule } from '#platform/queue/queue.module.js';

import { ActingSpecModule } from '../support/acting.js';

export const ORGANIZATION = 'org_a';
/** All channels of that organization. */
export const REACH: ChannelReach = { organizationId: ORGANIZATION, teamIds: null };
export const ROOT_KEY = new RootKey(new Secret(randomBytes(32)));

export class SetClock extends Clock {
  constructor(public time: number) {
    super();
  }

  override now(): number {
    return this.time;
  }
}

export type ChannelFields = {
  readonly kind?: 'webhook' | 'email';
  readonly keyId?: string | null;
  readonly organizationId?: string;
  readonly events?: readonly string[];
};

export type DeliveryRow = {
  readonly id: string;
  readonly notification_id: string;
  readonly channel_id: string;
  readonly status: string;
  readonly attempts: number;
  readonly next_attempt_at: Date | null;
  readonly response_status: number | null;
  readonly error: string | null;
};

export type StartOptions = {
  readonly databaseUrl: string;
  readonly redisUrl?: string;
  /** `api`: no workers, so that a test makes each step itself. */
  readonly role?: Config['role'];
  readonly allowPrivateTargets?: boolean;
  readonly clock?: Clock;
};

/** A process with the module of notifications. */
export class NotifyingProcess {
  readonly lines: string[];

  private constructor(
    readonly module: TestingModule,
    lines: string[],
  ) {
    this.lines = lines;
  }

  static async start(options: StartOptions): Promise<NotifyingProcess> {
    const { databaseUrl, redisUrl, role = 'api', allowPrivateTargets = true, clock } = options;
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line) => void lines.push(line) });
    const config: Config = {
      ...loadEnv({}),
      role,
      allowPrivateTargets,
      redisUrl: redisUrl === undefined ? null : new Secret(redisUrl),
    };
    const building = Test.createTestingModule({
      imports: [
        ConfigModule.forRoot(config),
        ObservabilityModule.forRoot(logger),
        DatabaseModule.forRoot(new Secret(databaseUrl)),
        CryptoModule.forRoot(ROOT_KEY),
        ActingSpecModule,
        AuditTrailModule,
        EventsModule,
        QueueModule,
        NotificationsModule,
      ],
    });
    if (clock) building.overrideProvider(Clock).useValue(clock);
    const module = await building.compile();
    await module.init();
    return new NotifyingProcess(module, lines);
  }

  async stop(): Promise<void> {
    await this.module.close();
  }

  /** @returns its id, and the secret of a webhook */
  async channel(
    address: string,
    {
      kind = 'webhook',
      keyId = null,
      organizationId = ORGANIZATION,
      events = ['*'],
    }: ChannelFields = {},
  ): Promise<{ id: string; secret: string }> {
    const id = newId(kind === 'webhook' ? 'webhook' : 'channel');
    const { secret, sealed } = this.module.get(WebhookSecrets).issue(id);
    await this.sql(
      `INSERT INTO notification_channels (id, organization_id, key_id, kind, address, events, sealed_secret, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, now())`,
      [id, organizationId, keyId, kind, address, events, kind === 'webhook' ? sealed : null],
    );
    return { id, secret: secret.reveal() };
  }

  /** @returns the id of the message */
  async notify(fields: Partial<Notification> = {}): Promise<string> {
    const notification: Notification = {
      organizationId: ORGANIZATION,
      type: 'key.rotated',
      keyId: 'key_a',
      data: { key_id: 'key_a' },
      ...fields,
    };
    const before = await this.sql<{ id: string }>('SELECT id FROM notifications');
    await this.module.get(Notifier).notify(notification);
    const after = await this.sql<{ id: string }>('SELECT id FROM notifications');
    return after.find(({ id }) => !before.some((one) => one.id === id))?.id ?? '';
  }

  /** Tells of many keys in one transaction. */
  async tell(
    organizationId: string,
    type: Notification['type'],
    keyIds: readonly string[],
  ): Promise<void> {
    const notifier = this.module.get(Notifier);
    await this.module.get(TransactionRunner).run(async () => {
      for (const keyId of keyIds) {
        await notifier.notify({ organizationId, type, keyId, data: { key_id: keyId } });
      }
    });
  }

  /** What a worker’s schedule does every 10 s. */
  async sweep(): Promise<void> {
    const { signal } = new AbortController();
    await this.module.get(SweepNotificationsService).sweep(1_000, signal);
  }

  /** As its schedule does: until nothing is left. */
  async purge(): Promise<void> {
    while ((await this.module.get(SweepNotificationsService).purge(1)) > 0);
  }

  async attempt(id: string): Promise<void> {
    await this.module.get(DeliverNotificationService).attempt(id);
  }

  async deliveries(): Promise<DeliveryRow[]> {
    return this.sql<DeliveryRow>('SELECT * FROM notification_deliveries ORDER BY created_at, id');
  }

  sql<Row>(text: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    return this.module.get(TransactionRunner).sql<Row>(text, parameters);
  }
}
