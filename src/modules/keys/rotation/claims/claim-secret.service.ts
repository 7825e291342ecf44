import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import type { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ApiKeyEntity } from '../../api-key.entity.js';
import type { ApiKeySecretEntity } from '../../api-key-secret.entity.js';
import type { KeyView } from '../../domain/key-view.js';
import { KeySecretRepository } from '../key-secret.repository.js';
import { RotatableKeys } from '../rotatable-keys.js';
import { KeyRotationRepository } from '../schedules/key-rotation.repository.js';
import { WaitingSecrets } from '../waiting-secrets.js';
import { overlapOf } from './domain/overlap.js';

export type ClaimedSecret = {
  readonly keyId: string;
  readonly secret: Secret;
  /** When the last secret that was good before ends; `null` when none is good any more, or it has no end. */
  readonly oldExpiresAt: Date | null;
  readonly claimedAt: Date;
};

/** Hands out the secret that a scheduled rotation has made, once: what was sealed is wiped with that. */
@Injectable()
export class ClaimSecretService {
  constructor(
    private readonly keys: RotatableKeys,
    private readonly rotations: KeyRotationRepository,
    private readonly secrets: KeySecretRepository,
    private readonly waiting: WaitingSecrets,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /** @throws {AppError} `not_found`, `escalation_denied`, `conflict` where none waits, and for a revoked key */
  async claim(caller: KeyView, keyId: string): Promise<ClaimedSecret> {
    return this.transactions.run(async () =>
      this.#handOut(await this.keys.lock(caller, keyId), null),
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
      return this.#handOut(key, caller.secretId);
    });
  }

  async #handOut(
    { organizationId, id: keyId }: ApiKeyEntity,
    presentedId: string | null,
  ): Promise<ClaimedSecret> {
    const claimedAt = new Date(this.clock.now());
    const good = await this.secrets.listGood(organizationId, keyId, claimedAt);
    const overlap = overlapOf(good);
    if (!overlap) throw nothingWaits(keyId, good);
    const { waiting, oldEndsAt } = overlap;
    const presented = good.find(({ id }) => id === presentedId);
    if (presentedId !== null && !(presented && presented.createdAt < waiting.createdAt)) {
      throw nothingWaits(keyId, good);
    }
    const secret = this.waiting.open(waiting.id, waiting.sealed);
    await this.secrets.markClaimed({ organizationId, keyId }, waiting.id, claimedAt);
    const rotation = await this.rotations.find(organizationId, keyId);
    if (rotation) await this.rotations.update({ ...rotation, watchAt: null });
    const oldExpiresAt = oldEndsAt instanceof Date ? oldEndsAt : null;
    return { keyId, secret, oldExpiresAt, claimedAt };
  }
}

function notForHolders(keyId: string): AppError {
  return new AppError('operation_not_allowed', {
    message: `The key ${keyId} claims no secret of its own: auto_update_apps of its rotation is off. Claim with a key that has keys:write, at POST /v1/keys/${keyId}/claim.`,
  });
}

function nothingWaits(keyId: string, good: readonly ApiKeySecretEntity[]): AppError {
  const claimedAt = good.at(-1)?.claimedAt;
  const why = claimedAt
    ? `its newest secret was claimed at ${claimedAt.toISOString()}. If that is lost, rotate it by POST /v1/keys/${keyId}/rotate.`
    : `GET /v1/keys/${keyId}/rotation says when it is rotated next.`;
  return new AppError('conflict', { message: `No secret of the key ${keyId} waits: ${why}` });
}
