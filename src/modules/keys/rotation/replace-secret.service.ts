import { Inject, Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import type { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { Pepper } from '#platform/crypto/pepper.js';

import type { ApiKeyEntity } from '../api-key.entity.js';
import { ApiKeySecretEntity, UNUSED } from '../api-key-secret.entity.js';
import { generateKeySecret, visibleParts } from '../domain/key-secret.js';
import { KeySecretRepository } from './key-secret.repository.js';
import { WaitingSecrets } from './waiting-secrets.js';

/** So many secrets of a key may be good at once. */
export const MAX_GOOD_SECRETS = 3;

export type Replacement = {
  /** When the secrets that are good until now stop to be so, unless they stop earlier anyway. */
  readonly oldExpiresAt: Date;
  /** Whether nobody is there to take the new one, so that it waits, sealed, until it is claimed. */
  readonly waits: boolean;
};

/** The core of every rotation: a key gets another secret, and those it had get an end. */
@Injectable()
export class ReplaceSecretService {
  constructor(
    private readonly secrets: KeySecretRepository,
    private readonly waiting: WaitingSecrets,
    private readonly pepper: Pepper,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * In the caller's transaction, which has locked the key, and announces that it has changed.
   * @throws {AppError} `conflict` where it has too many good secrets that would stay so
   */
  async replace(
    key: ApiKeyEntity,
    { oldExpiresAt, waits }: Replacement,
  ): Promise<{ row: ApiKeySecretEntity; secret: Secret }> {
    const now = new Date(this.clock.now());
    const good = await this.secrets.listGood(key.organizationId, key.id, now);
    const staying = good.filter(({ sealed }) => sealed === null);
    if (oldExpiresAt > now && staying.length >= MAX_GOOD_SECRETS) throw tooManySecrets(key.id);
    const secret = generateKeySecret(this.config.keyBrand, key.environment);
    const id = newId('secret');
    const row = Object.assign(new ApiKeySecretEntity(), {
      id,
      keyId: key.id,
      digest: Buffer.from(this.pepper.digest(secret.reveal()), 'latin1'),
      scheme: this.pepper.scheme,
      ...visibleParts(secret),
      // Rolling back goes by their order, so no two have the same time.
      createdAt: new Date(
        Math.max(now.getTime(), ...good.map((one) => one.createdAt.getTime() + 1)),
      ),
      expiresAt: null,
      ...UNUSED,
      sealed: waits ? this.waiting.seal(id, secret) : null,
    });
    await this.secrets.retire(key.organizationId, key.id, oldExpiresAt, now);
    await this.secrets.insert(row);
    return { row, secret };
  }
}

function tooManySecrets(keyId: string): AppError {
  return new AppError('conflict', {
    message: `The key ${keyId} has ${MAX_GOOD_SECRETS} good secrets. Rotate with invalidate_old, or wait until one of them has ended.`,
  });
}
