import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';

import type { ApiKeyEntity } from '../api-key.entity.js';
import { assertApproved, assertNotRevoked, grantOf } from '../changeable-key.js';
import { ChangeableKeys } from '../changeable-keys.js';
import { assertGrantWithin } from '../domain/grant.js';
import type { KeyView } from '../domain/key-view.js';

@Injectable()
export class RotatableKeys {
  constructor(
    private readonly keys: ChangeableKeys,
    private readonly clock: Clock,
  ) {}

  /**
   * Locks a key whose secrets `caller` may get or decide on: one that may do no more than the caller itself, since who has a
   * secret may do what its key may.
   * @throws {AppError} `not_found`, `escalation_denied`, `conflict` for a key that is revoked, has expired or waits for approval
   */
  async lock(caller: KeyView, keyId: string): Promise<ApiKeyEntity> {
    const key = await this.keys.lock(caller, keyId);
    assertNotRevoked(key, this.clock.now());
    assertNotExpired(key, this.clock.now());
    assertApproved(key);
    assertGrantWithin(caller, grantOf(key));
    return key;
  }

  /** Locks the key that makes the call. */
  lockOwn(caller: KeyView): Promise<ApiKeyEntity> {
    return this.keys.lockOwn(caller);
  }
}

function assertNotExpired({ id, expiresAt }: ApiKeyEntity, now: number): void {
  if (expiresAt === null || expiresAt.getTime() > now) return;
  throw new AppError('conflict', {
    message: `The key ${id} has expired. Give it a later expires_at first, or make another.`,
  });
}
