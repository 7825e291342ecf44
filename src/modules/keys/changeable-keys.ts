import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ApiKeyEntity } from './api-key.entity.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { type KeyReach, reachOf, wholeOrganization } from './domain/key-reach.js';
import type { KeyView } from './domain/key-view.js';
import type { KeyChangeNotes } from './record-key-change.js';
import { type KeyChanges, WriteKeyService } from './write-key.service.js';

/** The one way to a key that somebody wants to change. */
@Injectable()
export class ChangeableKeys {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly written: WriteKeyService,
    private readonly transactions: TransactionRunner,
  ) {}

  /**
   * Changes a key in one transaction.
   * @param changesOf is called with the key locked; what changes nothing leaves no trace
   * @throws {AppError} as {@link lock}
   */
  change(
    caller: KeyView,
    keyId: string,
    changesOf: (key: ApiKeyEntity) => KeyChanges | Promise<KeyChanges>,
    notes: KeyChangeNotes = {},
  ): Promise<ApiKeyEntity> {
    return this.transactions.run(async () => {
      const key = await this.lock(caller, keyId);
      const changes = await changesOf(key);
      if (Object.keys(changes).length === 0) return key;
      return this.written.update(key, changes, caller.keyId, notes);
    });
  }

  /**
   * Locks a key that `caller` may change, for the caller's transaction.
   * @throws {AppError} `not_found` for what the caller does not reach; `escalation_denied`
   */
  async lock(caller: KeyView, keyId: string): Promise<ApiKeyEntity> {
    const reach = reachOf(caller);
    const key = await this.#lock(caller, reach, keyId);
    if (await this.keys.isManaged(reach, keyId)) return key;
    throw new AppError('escalation_denied', {
      message: `You may see the key ${keyId}, but not change it: that needs can_manage_keys in its team, or can_manage_key of it.`,
    });
  }

  /** Locks the key that makes the call, which it always reaches. */
  lockOwn(caller: KeyView): Promise<ApiKeyEntity> {
    return this.#lock(caller, wholeOrganization(caller.organizationId), caller.keyId);
  }

  async #lock(caller: KeyView, reach: KeyReach, keyId: string): Promise<ApiKeyEntity> {
    const key = await this.keys.lockForUpdate(reach, keyId);
    if (!key) throw new AppError('not_found', { message: `There is no key ${keyId}.` });
    if (key.accessLevel !== 'master' || caller.accessLevel === 'master') return key;
    throw new AppError('escalation_denied', { message: 'Only a master key changes master keys.' });
  }
}
