import { Injectable } from '@nestjs/common';
import { isDeepStrictEqual } from 'node:util';

import { KeyAuditRetentions } from '#modules/keys/index.js';
import { AuditRetentionPolicy } from '#modules/organizations/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { type Retention, retentionFrom } from './domain/retention.js';
import { RemovalRepository } from './removal.repository.js';
import { OF_ORGANIZATION, RetentionRepository } from './retention.repository.js';

const KEYS_PER_PAGE = 1_000;
/** What is known of a log that is seen for the first time: whatever is wanted of it has a week to be taken back. */
const LONGEST: Retention = { days: 3_650, shorter: null };
/** Of a key that never said anything, or says nothing any more. */
const NONE: Retention = { days: 0, shorter: null };

/**
 * Takes over what organizations and keys say now. It is read when entries are to go, and not written on them as they are made: so
 * keeping them longer helps what is there already, and a key that is gone still counts as it did.
 */
@Injectable()
export class FollowRetentionService {
  constructor(
    private readonly organizations: AuditRetentionPolicy,
    private readonly keys: KeyAuditRetentions,
    private readonly retentions: RetentionRepository,
    private readonly removals: RemovalRepository,
    private readonly transactions: TransactionRunner,
  ) {}

  /** @returns for how many days entries of the organization are kept, those of keys that say more aside */
  follow(organizationId: string, now: number): Promise<number> {
    return this.transactions.run(async () => {
      const known = (await this.retentions.find(organizationId, OF_ORGANIZATION)) ?? LONGEST;
      const wanted = await this.organizations.auditRetentionDaysOf(organizationId);
      const own = retentionFrom(known, wanted, now);
      const changes = new Map([[OF_ORGANIZATION, own]]);
      let isShorter = own.days < known.days;
      for (let after: string | null = ''; after !== null;) {
        const page = await this.#ofKeys(organizationId, after, now);
        for (const [keyId, retention] of page.changes) changes.set(keyId, retention);
        isShorter ||= page.isShorter;
        after = page.last;
      }
      await this.retentions.keep(organizationId, changes);
      // When they may go was worked out with what counted before.
      if (isShorter) await this.removals.lookAgain(organizationId);
      return own.days;
    });
  }

  /** @returns what has changed, and the last key that was looked at; `null` where it was the last of all */
  async #ofKeys(organizationId: string, after: string, now: number) {
    const page = await this.keys.list(organizationId, after, KEYS_PER_PAGE);
    const last = page.length < KEYS_PER_PAGE ? null : (page.at(-1)?.keyId ?? null);
    const wanted = new Map(page.map(({ keyId, days }) => [keyId, days]));
    const known = await this.retentions.ofKeys(organizationId, after, last);
    const changes = new Map<string, Retention>();
    let isShorter = false;
    for (const keyId of new Set([...wanted.keys(), ...known.keys()])) {
      const before = known.get(keyId) ?? NONE;
      const retention = retentionFrom(before, wanted.get(keyId) ?? NONE.days, now);
      if (isDeepStrictEqual(retention, before)) continue;
      changes.set(keyId, retention);
      isShorter ||= retention.days < before.days;
    }
    return { changes, isShorter, last };
  }
}
