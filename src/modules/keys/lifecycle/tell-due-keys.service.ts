import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { KeyCarePolicies, type KeyCarePolicy } from '#modules/organizations/index.js';
import { type Actor, Actors } from '#platform/audit-trail/actor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { expiryWindows, newsAgeMax } from './domain/expiry-windows.js';
import { type DueKey, KeyLifecycleRepository } from './key-lifecycle.repository.js';
import { TellDueKeyService } from './tell-due-key.service.js';

/** Organizations that are looked at together. */
const ORGANIZATIONS_PER_PAGE = 200;
/** So that one run ends; the next one goes on. */
const MAX_BATCHES = 100;

type Batches = { readonly maxKeys: number; readonly actor: Actor; readonly signal: AbortSignal };

/**
 * Tells of what becomes of keys by time alone. Whether a key may be used is decided by the clock when it is used, so nothing
 * here is in a hurry: a worker that was away, however long, tells of each thing once it is back.
 */
@Injectable()
export class TellDueKeysService {
  constructor(
    private readonly due: KeyLifecycleRepository,
    private readonly policies: KeyCarePolicies,
    private readonly dueKey: TellDueKeyService,
    private readonly transactions: TransactionRunner,
    private readonly actors: Actors,
    private readonly clock: Clock,
  ) {}

  /** @param actor as whom it is written down */
  async tellAll(maxKeys: number, actor: Actor, signal: AbortSignal): Promise<void> {
    const now = new Date(this.clock.now());
    const maxAgeMs = newsAgeMax(await this.due.sweptUntilAcrossTenants(), now);
    const span = { after: new Date(now.getTime() - maxAgeMs), until: now };
    const batches = { maxKeys, actor, signal };
    const isAllRevoked = await this.#inBatches(
      batches,
      (limit) => this.due.lockRevocationsAcrossTenants(span, limit),
      (key) => this.dueKey.revoked(key),
    );
    const isAllEnabled = await this.#inBatches(
      batches,
      (limit) => this.due.lockEnablingsAcrossTenants(span, limit),
      (key) => this.dueKey.enabled(key),
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
        (key) => this.dueKey.expiry(key),
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
    { maxKeys, actor, signal }: Batches,
    lock: (limit: number) => Promise<Due[]>,
    tell: (key: Due) => Promise<void>,
  ): Promise<boolean> {
    for (let done = 0; done < MAX_BATCHES && !signal.aborted; done++) {
      const batch = async (): Promise<number> => {
        const keys = await lock(maxKeys);
        for (const key of keys) await tell(key);
        return keys.length;
      };
      const found = await this.actors.act(actor, () => this.transactions.run(batch));
      if (found < maxKeys) return true;
    }
    return false;
  }
}
