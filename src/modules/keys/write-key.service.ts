import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventBus } from '#platform/events/event-bus.js';

import type { ApiKeyEntity } from './api-key.entity.js';
import type { ApiKeySecretEntity } from './api-key-secret.entity.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { KeyMemberRepository } from './belonging/key-member.repository.js';
import type { KeyMember } from './domain/belonging.js';
import { wholeOrganization } from './domain/key-reach.js';
import { isRevoked } from './changeable-key.js';
import './keys.events.js';
import { TellOfKeys } from './tell-of-keys.js';

/** The one way in which a key's row is written: every cache hears of it, and people of what became of the key. */
@Injectable()
export class WriteKeyService {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly events: EventBus,
    private readonly news: TellOfKeys,
    private readonly members: KeyMemberRepository,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  async insert(
    key: ApiKeyEntity,
    secret: ApiKeySecretEntity,
    members: readonly KeyMember[],
  ): Promise<void> {
    await this.transactions.run(async () => {
      await this.keys.insert(key, secret);
      await this.members.replace(key.organizationId, key.id, members);
      await this.news.created(key);
    });
  }

  /** For {@link update}, until the caller's transaction ends. */
  lock(organizationId: string, keyId: string): Promise<ApiKeyEntity | null> {
    return this.keys.lockForUpdate(wholeOrganization(organizationId), keyId);
  }

  /**
   * In the caller's transaction, which has locked the key.
   * @param by the key that the change is made with; `null` for what the system does by itself
   */
  async update(
    key: ApiKeyEntity,
    changes: Partial<ApiKeyEntity>,
    by: string | null,
  ): Promise<ApiKeyEntity> {
    const now = this.clock.now();
    const changed = await this.keys.update(key, { ...changes, updatedAt: new Date(now) });
    this.events.emit('keys.key-changed', {
      organizationId: key.organizationId,
      keyId: key.id,
    });
    await this.#tell(key, changed, by, now);
    return changed;
  }

  async #tell(
    before: ApiKeyEntity,
    after: ApiKeyEntity,
    by: string | null,
    now: number,
  ): Promise<void> {
    // Of a revocation to come the clock tells when it has come.
    if (isRevoked(after, now) && !isRevoked(before, now)) await this.news.revoked(after, by);
    if (isDisabled(after, now) && !isDisabled(before, now)) await this.news.disabled(after, by);
    if (before.disabledAt && !after.disabledAt) {
      const cameBack = !isDisabled(before, now);
      const enableAt = cameBack ? before.enableAt : null;
      await this.news.enabled(after, { by: cameBack ? null : by, enableAt });
    }
  }
}

function isDisabled({ disabledAt, enableAt }: ApiKeyEntity, now: number): boolean {
  return disabledAt !== null && (enableAt === null || enableAt.getTime() > now);
}
