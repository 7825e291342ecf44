import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { KeyBudgets } from '#modules/limits/index.js';
import { KeyCarePolicies, type KeyCarePolicy } from '#modules/organizations/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { TellOfKeys } from '../tell-of-keys.js';
import { expiryWindows, newsAgeMax } from './domain/expiry-windows.js';
import {
  type DueKey,
  type EnablingDue,
  type ExpiryDue,
  KeyLifecycleRepository,
  type RevocationDue,
} from './key-lifecycle.repository.js';

/** Organizations that are looked at together. */
const ORGANIZATIONS_PER_PAGE = 200;
/** So that one run ends; the next one goes on. */
const MAX_BATCHES = 100;

type Batches = { readonly maxKeys: number; readonly signal: AbortSignal };

/**
 * Tells of what becomes of keys by time alone. Whether a key may be used is decided by the clock when it is used, so nothing
 * here is in a hurry: a worker that was away, however long, tells of each thing once it is back.
 */
@Injectable()
export class TellDueKeysService {
  constructor(
    private readonly due: KeyLifecycleRepository,
    private readonly policies: KeyCarePolicies,
    private readonly budgets: KeyBudgets,
    private readonly news: TellOfKeys,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  async tellAll(maxKeys: number, signal: AbortSignal): Promise<void> {
    const now = new Date(this.clock.now());
    const maxAgeMs = newsAgeMax(await this.due.sweptUntilAcrossTenants(), now);
    const span = { after: new Date(now.getTime() - maxAgeMs), until: now };
    const batches = { maxKeys, signal };
    const isAllRevoked = await this.#inBatches(
      batches,
      (limit) => this.due.lockRevocationsAcrossTenants(span, limit),
      (key) => this.#tellRevoked(key),
    );
    const isAllEnabled = await this.#inBatches(
      batches,
      (limit) => this.due.lockEnablingsAcrossTenants(span, limit),
      (key) => this.#tellEnabled(key),
    );
    const isAllOfExpiries = await this.#tellExpiries(batches, now, maxAgeMs);
    if (isAllRevoked && isAllEnabled && isAllOfExpiries) {
      await this.due.markSweptAcrossTenants(now);
    }
  }

  async #tellExpiries(batches: Batches, now: Date, maxAgeMs: number): Promise<boolean> {
    let isAll = true;
    for await (const page of this.#pages()) {
      const windows = page.flatMap(({ organizationId, expiryReminderDays }) =>
        expiryWindows(expiryReminderDays, now.getTime(), maxAgeMs).map((window) => ({
          ...window,
          organizationId,
        })),
      );
      const isPageDone = await this.#inBatches(
        batches,
        (limit) => this.due.lockExpiriesAcrossTenants(windows, now, limit),
        (key) => this.#tellExpiry(key),
      );
      isAll &&= isPageDone;
    }
    return isAll;
  }

  async *#pages(): AsyncGenerator<KeyCarePolicy[]> {
    for (let after = ''; ;) {
      const page = await this.policies.listAcrossTenants(after, ORGANIZATIONS_PER_PAGE);
      yield page;
      const last = page.at(-1);
      if (!last || page.length < ORGANIZATIONS_PER_PAGE) return;
      after = last.organizationId;
    }
  }

  /**
   * A transaction for each batch: what is told is told, whatever becomes of the rest.
   * @returns whether nothing is left
   */
  async #inBatches<Due extends DueKey>(
    { maxKeys, signal }: Batches,
    lock: (limit: number) => Promise<Due[]>,
    tell: (key: Due) => Promise<void>,
  ): Promise<boolean> {
    for (let done = 0; done < MAX_BATCHES && !signal.aborted; done++) {
      const found = await this.transactions.run(async () => {
        const keys = await lock(maxKeys);
        for (const key of keys) await tell(key);
        return keys.length;
      });
      if (found < maxKeys) return true;
    }
    return false;
  }

  async #tellRevoked(key: RevocationDue): Promise<void> {
    await this.news.revoked(key, null);
    await this.budgets.deleteOf(key.organizationId, key.id);
    await this.due.mark(key, 'revocation_told_for', key.revokedAt);
  }

  async #tellEnabled(key: EnablingDue): Promise<void> {
    await this.news.enabled(key, { by: null, enableAt: key.enableAt });
    await this.due.mark(key, 'enabling_told_for', key.enableAt);
  }

  async #tellExpiry(key: ExpiryDue): Promise<void> {
    const { expiresAt, days } = key;
    const id = `expiring:${key.id}:${expiresAt.getTime()}:${days}`;
    await (days === 0
      ? this.news.tell('key.expired', key, { at: expiresAt, expires_at: expiresAt }, id)
      : this.news.tell('key.expiring', key, { expires_at: expiresAt, days }, id));
    await this.due.markExpiry(key, expiresAt, days);
  }
}
