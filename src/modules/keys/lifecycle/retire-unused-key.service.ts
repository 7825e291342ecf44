import { Injectable } from '@nestjs/common';

import type { Scope } from '#common/auth/scopes.js';
import { Clock } from '#common/time/clock.js';
import type { KeyCarePolicy } from '#modules/organizations/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { keyStatus } from '../api-key.view.js';
import type { ApiKeyEntity } from '../api-key.entity.js';
import { TellOfKeys } from '../tell-of-keys.js';
import { WriteKeyService } from '../write-key.service.js';
import { KeyLifecycleRepository, type UsableKey } from './key-lifecycle.repository.js';

/** What a key may do at the most whose every use is counted: of calls of the management API nobody keeps count. */
const COUNTED: readonly Scope[] = ['inference', 'models:read'];

export type UnusedKey = UsableKey & { readonly lastUsedAt: Date | null };

@Injectable()
export class RetireUnusedKeyService {
  constructor(
    private readonly lifecycle: KeyLifecycleRepository,
    private readonly written: WriteKeyService,
    private readonly news: TellOfKeys,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /** Tells of a key, and disables it where that is wanted, once each until it is used again. */
  async retire(policy: KeyCarePolicy, unused: UnusedKey): Promise<void> {
    const since = unused.lastUsedAt ?? unused.createdAt;
    const isToTell = unused.toldFor?.getTime() !== since.getTime();
    const mayDisable =
      policy.unusedKeyAction === 'disable' && unused.disabledFor?.getTime() !== since.getTime();
    if (!isToTell && !mayDisable) return;
    await this.transactions.run(async () => {
      const key = await this.written.lock(policy.organizationId, unused.id);
      if (!key || keyStatus(key, this.clock.now()) !== 'active') return;
      if (isToTell) await this.#tell(policy, key, unused);
      if (mayDisable && isCounted(key)) await this.#disable(policy, key, since);
    });
  }

  async #tell(
    { unusedKeyDays: days }: KeyCarePolicy,
    key: ApiKeyEntity,
    { lastUsedAt, createdAt }: UnusedKey,
  ): Promise<void> {
    const since = lastUsedAt ?? createdAt;
    const id = `unused:${key.id}:${since.getTime()}`;
    await this.news.tell('key.unused', key, { last_used_at: lastUsedAt, days }, id);
    await this.lifecycle.mark(key, 'unused_told_for', since);
  }

  async #disable(
    { unusedKeyDays: days }: KeyCarePolicy,
    key: ApiKeyEntity,
    since: Date,
  ): Promise<void> {
    const changes = {
      disabledAt: new Date(this.clock.now()),
      disabledReason: `Not used for ${days} ${days === 1 ? 'day' : 'days'}.`,
      enableAt: null,
    };
    const details = { last_used_at: since, unused_key_days: days };
    await this.written.update(key, changes, null, { details });
    await this.lifecycle.mark(key, 'unused_disabled_for', since);
  }
}

function isCounted({ scopes }: ApiKeyEntity): boolean {
  return scopes.every((scope) => COUNTED.includes(scope));
}
