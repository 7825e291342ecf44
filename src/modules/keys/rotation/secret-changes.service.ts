import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { Notifier } from '#modules/notifications/index.js';
import type { AuditAction } from '#platform/audit-trail/audit-actions.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ApiKeyEntity } from '../api-key.entity.js';
import type { KeyView } from '../domain/key-view.js';
import { WriteKeyService } from '../write-key.service.js';
import { KeySecretRepository } from './key-secret.repository.js';
import { RotatableKeys } from './rotatable-keys.js';
import { factsOfSecrets } from './secret-facts.js';
import { type SecretsView, viewSecrets } from './secrets.view.js';

/** What receivers of `key.rotated` are told of why. */
type Reason = 'manual' | 'cut_off_moved' | 'rolled_back';

type SecretChange<Made> = {
  readonly keyId: string;
  readonly reason: Reason;
  /** Runs with the key locked, once it is sure that the caller may do it. */
  readonly make: (key: ApiKeyEntity, now: Date) => Promise<Made>;
};

const ACTIONS = {
  manual: 'key.rotated',
  cut_off_moved: 'key.cut_off_moved',
  rolled_back: 'key.rolled_back',
} as const satisfies Record<Reason, AuditAction>;

/** What every change of a key's secrets by hand has in common. */
@Injectable()
export class SecretChanges {
  constructor(
    private readonly rotatable: RotatableKeys,
    private readonly keys: WriteKeyService,
    private readonly secrets: KeySecretRepository,
    private readonly notifier: Notifier,
    private readonly transactions: TransactionRunner,
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
      const key = await this.rotatable.lock(caller, keyId);
      const now = new Date(this.clock.now());
      const before = await this.secrets.listShown(organizationId, keyId, now);
      const made = await make(key, now);
      const secrets = await this.secrets.listShown(organizationId, keyId, now);
      await this.keys.update(key, {}, caller.keyId, {
        action: ACTIONS[reason],
        before: factsOfSecrets(before, now.getTime()),
        after: factsOfSecrets(secrets, now.getTime()),
      });
      const view = viewSecrets(secrets, now.getTime());
      await this.notifier.notify({
        organizationId,
        type: 'key.rotated',
        keyId,
        teamId: key.teamId,
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
