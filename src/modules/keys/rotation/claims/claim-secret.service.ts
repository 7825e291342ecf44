import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { KeyView } from '../../domain/key-view.js';
import { RotatableKeys } from '../rotatable-keys.js';
import { KeyRotationRepository } from '../schedules/key-rotation.repository.js';
import { type ClaimedSecret, HandOutSecretService } from './hand-out-secret.service.js';

/** Says who gets the secret that a scheduled rotation has made. */
@Injectable()
export class ClaimSecretService {
  constructor(
    private readonly keys: RotatableKeys,
    private readonly rotations: KeyRotationRepository,
    private readonly secret: HandOutSecretService,
    private readonly transactions: TransactionRunner,
  ) {}

  /** @throws {AppError} `not_found`, `escalation_denied`, `conflict` where none waits, and for a revoked key */
  async claim(caller: KeyView, keyId: string): Promise<ClaimedSecret> {
    return this.transactions.run(async () =>
      this.secret.handOut(await this.keys.lock(caller, keyId), null),
    );
  }

  /**
   * For who has a key's old secret, where its schedule lets him.
   * @throws {AppError} `operation_not_allowed` where it does not, `conflict` where none waits that is newer than his
   */
  async claimOwn(caller: KeyView): Promise<ClaimedSecret> {
    return this.transactions.run(async () => {
      const key = await this.keys.lockOwn(caller);
      const rotation = await this.rotations.find(key.organizationId, key.id);
      if (rotation?.autoUpdateApps !== true) throw notForHolders(key.id);
      return this.secret.handOut(key, caller.secretId);
    });
  }
}

function notForHolders(keyId: string): AppError {
  return new AppError('operation_not_allowed', {
    message: `The key ${keyId} claims no secret of its own: auto_update_apps of its rotation is off. Claim with a key that has keys:write, at POST /v1/keys/${keyId}/claim.`,
  });
}
