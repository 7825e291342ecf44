import { Injectable } from '@nestjs/common';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { Clock } from '#common/time/clock.js';
import { KeyCarePolicies, type KeyCarePolicy } from '#modules/organizations/index.js';
import { UsageTotals } from '#modules/usage/index.js';
import { Actors, jobActor } from '#platform/audit-trail/actor.js';

import { KeyLifecycleRepository, type UsableKey } from './key-lifecycle.repository.js';
import { type UnusedKey, RetireUnusedKeyService } from './retire-unused-key.service.js';

const DAY_MS = 86_400_000;
const ORGANIZATIONS_PER_PAGE = 200;

/** Finds keys that may call models and have not done so for as long as their organization says. */
@Injectable()
export class FindUnusedKeysService {
  readonly #actor = jobActor('key-lifecycle.find-unused');

  constructor(
    private readonly lifecycle: KeyLifecycleRepository,
    private readonly policies: KeyCarePolicies,
    private readonly usage: UsageTotals,
    private readonly unusedKey: RetireUnusedKeyService,
    private readonly actors: Actors,
    private readonly clock: Clock,
  ) {}

  /** @param maxKeys keys that are looked at together */
  async findAll(maxKeys: number, signal: AbortSignal): Promise<void> {
    for (let after = ''; !signal.aborted;) {
      const page = await this.policies.listAcrossTenants(after, ORGANIZATIONS_PER_PAGE);
      for (const policy of page) {
        if (policy.unusedKeyDays !== null) await this.#findOf(policy, maxKeys, signal);
      }
      const last = page.at(-1);
      if (!last || page.length < ORGANIZATIONS_PER_PAGE) return;
      after = last.organizationId;
    }
  }

  async #findOf(policy: KeyCarePolicy, maxKeys: number, signal: AbortSignal): Promise<void> {
    const now = new Date(this.clock.now());
    const usedUntil = new Date(now.getTime() - (policy.unusedKeyDays ?? 0) * DAY_MS);
    for (let after: CursorPosition | null = null; !signal.aborted;) {
      const from = { now, createdUntil: usedUntil, after };
      const page: UsableKey[] = await this.lifecycle.listUsable(
        policy.organizationId,
        from,
        maxKeys,
      );
      for (const key of await this.#unusedOf(policy.organizationId, page, usedUntil)) {
        await this.actors.act(this.#actor, () => this.unusedKey.retire(policy, key));
      }
      after = page.at(-1) ?? null;
      if (after === null || page.length < maxKeys) return;
    }
  }

  async #unusedOf(
    organizationId: string,
    keys: readonly UsableKey[],
    usedUntil: Date,
  ): Promise<UnusedKey[]> {
    const ids = keys.map(({ id }) => id);
    const used = await this.usage.lastUsedAt(organizationId, ids);
    return keys
      .map((key) => ({ ...key, lastUsedAt: used.get(key.id) ?? null }))
      .filter(({ lastUsedAt }) => lastUsedAt === null || lastUsedAt <= usedUntil);
  }
}
