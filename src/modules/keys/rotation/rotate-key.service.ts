import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import type { Secret } from '#common/secret/secret.js';

import type { ApiKeyEntity } from '../api-key.entity.js';
import type { KeyView } from '../domain/key-view.js';
import { cutOffAfter, cutOffAt, gracePeriod, type RequestedGrace } from './cut-off.js';
import { KeySecretRepository } from './key-secret.repository.js';
import { ReplaceSecretService } from './replace-secret.service.js';
import { SecretChanges } from './secret-changes.service.js';
import type { SecretsView } from './secrets.view.js';

/** Rotates by hand. Each change takes effect here at once and everywhere within a second. */
@Injectable()
export class RotateKeyService {
  constructor(
    private readonly changes: SecretChanges,
    private readonly secrets: KeySecretRepository,
    private readonly replaceSecret: ReplaceSecretService,
  ) {}

  /**
   * Gives a key another secret. What it had besides stays: id, rights, limits and what is used up of them.
   * @throws {AppError} `not_found`, `escalation_denied`, `conflict` for a key that is over or has too many secrets,
   * `invalid_request`
   */
  async rotate(
    caller: KeyView,
    keyId: string,
    grace: RequestedGrace,
  ): Promise<{ secret: Secret; oldExpiresAt: Date }> {
    const graceMs = gracePeriod(grace);
    const make = async (key: ApiKeyEntity, now: Date) => {
      const oldExpiresAt = cutOffAfter(graceMs, key, now);
      const { secret } = await this.replaceSecret.replace(key, { oldExpiresAt, waits: false });
      return { secret, oldExpiresAt };
    };
    return (await this.changes.make(caller, { keyId, reason: 'manual', make })).made;
  }

  /**
   * Moves the end of the secrets that were replaced and are still good, all of them to the same time.
   * @throws {AppError} `not_found`, `escalation_denied`, `conflict` where there are none, `invalid_request`
   */
  async moveCutOff(caller: KeyView, keyId: string, asked: Date): Promise<SecretsView> {
    const make = async (key: ApiKeyEntity, now: Date): Promise<void> => {
      const at = cutOffAt(asked, key, now);
      const isMoved = await this.secrets.moveEnds(key.organizationId, keyId, at, now);
      if (!isMoved) throw nothingOld(keyId, 'There is no cut-off to move');
    };
    return (await this.changes.make(caller, { keyId, reason: 'cut_off_moved', make })).view;
  }

  /**
   * Makes the secret before the current one current again, and ends the current one at once.
   * @throws {AppError} `not_found`, `escalation_denied`, `conflict` where none before it is still good
   */
  async rollBack(caller: KeyView, keyId: string): Promise<SecretsView> {
    const make = async ({ organizationId }: ApiKeyEntity, now: Date): Promise<void> => {
      const good = await this.secrets.listGood(organizationId, keyId, now);
      const before = good.findLast(({ expiresAt }) => expiresAt !== null);
      const current = good.find(({ expiresAt }) => expiresAt === null);
      if (!before || !current) throw nothingOld(keyId, 'There is nothing to roll back to');
      await this.secrets.end(current, now);
      await this.secrets.makeCurrent(before);
    };
    return (await this.changes.make(caller, { keyId, reason: 'rolled_back', make })).view;
  }
}

function nothingOld(keyId: string, what: string): AppError {
  return new AppError('conflict', {
    message: `${what}: of the key ${keyId} no secret but the current one is good.`,
  });
}
