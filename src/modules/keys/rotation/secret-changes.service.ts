import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { Notifier } from '#modules/notifications/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventBus } from '#platform/events/event-bus.js';

import type { ApiKeyEntity } from '../api-key.entity.js';
import { ApiKeyRepository } from '../api-key.repository.js';
import { assertMayChange, assertNotRevoked, grantOf } from '../changeable-key.js';
import { assertGrantWithin } from '../domain/grant.js';
import type { KeyView } from '../domain/key-view.js';
import '../keys.events.js';
import { KeySecretRepository } from './key-secret.repository.js';
import { type SecretsView, viewSecrets } from './secrets.view.js';

/** What receivers of `key.rotated` are told of why. */
type Reason = 'manual' | 'cut_off_moved' | 'rolled_back';

type SecretChange<Made> = {
  readonly keyId: string;
  readonly reason: Reason;
  /** Runs with the key locked, once it is sure that the caller may do it. */
  readonly make: (key: ApiKeyEntity, now: Date) => Promise<Made>;
};

/** What every change of a key's secrets by hand has in common. */
@Injectable()
export class SecretChanges {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly secrets: KeySecretRepository,
    private readonly notifier: Notifier,
    private readonly transactions: TransactionRunner,
    private readonly events: EventBus,
    private readonly clock: Clock,
  ) {}

  /**
   * Makes it in one transaction with the key locked, and tells of it. The caller must be allowed what the key may do: else
   * a secret of a stronger key could be had, or brought back.
   * @throws {AppError} `not_found`, `escalation_denied`, `conflict` for a key that is revoked or has expired
   */
  async make<Made>(
    caller: KeyView,
    { keyId, reason, make }: SecretChange<Made>,
  ): Promise<{ made: Made; view: SecretsView }> {
    const { organizationId } = caller;
    return this.transactions.run(async () => {
      const key = await this.keys.lockForUpdate(organizationId, keyId);
      const now = new Date(this.clock.now());
      assertMayChange(caller, keyId, key);
      assertNotRevoked(key, now.getTime());
      assertNotExpired(key, now);
      assertGrantWithin(caller, grantOf(key));
      const made = await make(key, now);
      await this.keys.update(key, { updatedAt: now });
      this.events.emit('keys.key-changed', { organizationId, keyId });
      const secrets = await this.secrets.listShown(organizationId, keyId, now);
      const view = viewSecrets(secrets, now.getTime());
      await this.notifier.notify({
        organizationId,
        type: 'key.rotated',
        keyId,
        data: {
          key_id: keyId,
          name: key.name,
          old_key_expires_at: view.old_key_expires_at,
          reason,
          by: caller.keyId,
        },
      });
      return { made, view };
    });
  }
}

function assertNotExpired({ id, expiresAt }: ApiKeyEntity, now: Date): void {
  if (expiresAt === null || expiresAt > now) return;
  throw new AppError('conflict', {
    message: `The key ${id} has expired. Give it a later expires_at first, or make another.`,
  });
}
