import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import type { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';

import type { ApiKeyEntity } from '../../api-key.entity.js';
import type { ApiKeySecretEntity } from '../../api-key-secret.entity.js';
import { KeySecretRepository } from '../key-secret.repository.js';
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
export class HandOutSecretService {
  constructor(
    private readonly secrets: KeySecretRepository,
    private readonly rotations: KeyRotationRepository,
    private readonly waiting: WaitingSecrets,
    private readonly trail: AuditTrail,
    private readonly clock: Clock,
  ) {}

  /**
   * In the transaction that has locked the key, for somebody who may have it.
   * @param presentedId of the secret that it is asked for with, which is to be an older one; `null` where that does not matter
   * @throws {AppError} `conflict` where none waits
   */
  async handOut(
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
    await this.trail.append({
      organizationId,
      action: 'key.secret_claimed',
      target: { type: 'key', id: keyId },
      before: { claimed_at: null },
      after: { claimed_at: claimedAt },
      details: { secret_id: waiting.id, ...(rotation && { cause: rotation.setBy }) },
    });
    const oldExpiresAt = oldEndsAt instanceof Date ? oldEndsAt : null;
    return { keyId, secret, oldExpiresAt, claimedAt };
  }
}

function nothingWaits(keyId: string, good: readonly ApiKeySecretEntity[]): AppError {
  const claimedAt = good.at(-1)?.claimedAt;
  const why = claimedAt
    ? `its newest secret was claimed at ${claimedAt.toISOString()}. If that is lost, rotate it by POST /v1/keys/${keyId}/rotate.`
    : `GET /v1/keys/${keyId}/rotation says when it is rotated next.`;
  return new AppError('conflict', { message: `No secret of the key ${keyId} waits: ${why}` });
}
