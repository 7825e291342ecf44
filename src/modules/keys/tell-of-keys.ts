import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { type NotificationType, Notifier } from '#modules/notifications/index.js';
import { scrubSecrets } from '#platform/observability/secret-patterns.js';

import type { ApiKeyEntity } from './api-key.entity.js';

/** What is told of a key in any case. */
type ToldKey = Pick<ApiKeyEntity, 'id' | 'organizationId' | 'teamId' | 'name' | 'environment'>;

export type KeyNews = {
  readonly reason?: string | null;
  /** The key that the change was made with; `null` for what came by itself. */
  readonly by?: string | null;
  /** When it happened, unless that is now. */
  readonly at?: Date;
  readonly [more: string]: unknown;
};

/** Tells people of what becomes of keys. Each in the transaction that makes it so. */
@Injectable()
export class TellOfKeys {
  constructor(
    private readonly notifier: Notifier,
    private readonly clock: Clock,
  ) {}

  async created(key: ApiKeyEntity): Promise<void> {
    const { createdBy: by, createdAt: at, expiresAt } = key;
    await this.tell('key.created', key, { by, at, expires_at: expiresAt });
  }

  async disabled(key: ApiKeyEntity, by: string | null): Promise<void> {
    const { disabledReason: reason, disabledAt, enableAt } = key;
    await this.tell('key.disabled', key, {
      reason,
      by,
      ...(disabledAt && { at: disabledAt }),
      enable_at: enableAt,
    });
  }

  /** @param enableAt when it was to come back by itself: of that it is told once, whoever sees it first */
  async enabled(
    key: ToldKey,
    { by, enableAt }: { by: string | null; enableAt: Date | null },
  ): Promise<void> {
    const news = enableAt ? { by, at: enableAt } : { by };
    const id = enableAt && `enabled:${key.id}:${enableAt.getTime()}`;
    await this.tell('key.enabled', key, news, id);
  }

  async revoked(
    key: ToldKey & Pick<ApiKeyEntity, 'revokedAt' | 'revokedReason'>,
    by: string | null,
  ): Promise<void> {
    const { revokedAt, revokedReason: reason } = key;
    const news = { reason, by, ...(revokedAt && { at: revokedAt }) };
    await this.tell('key.revoked', key, news, `revoked:${key.id}`);
  }

  /** @param deduplicationId of what may be told more than once: the first counts */
  async tell(
    type: NotificationType,
    { id, organizationId, teamId, name, environment }: ToldKey,
    news: KeyNews,
    deduplicationId: string | null = null,
  ): Promise<void> {
    const { reason, by, at = new Date(this.clock.now()), ...more } = news;
    await this.notifier.notify({
      organizationId,
      type,
      keyId: id,
      teamId,
      data: {
        key_id: id,
        // Both are free texts, into which anybody may have written anything.
        name: scrubSecrets(name),
        environment,
        ...(reason !== undefined && { reason: reason === null ? null : scrubSecrets(reason) }),
        by: by ?? null,
        at: at.toISOString(),
        ...more,
      },
      ...(deduplicationId !== null && { deduplicationId }),
    });
  }
}
