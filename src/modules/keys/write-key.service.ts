import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventBus } from '#platform/events/event-bus.js';

import type { ApiKeyEntity } from './api-key.entity.js';
import type { ApiKeySecretEntity } from './api-key-secret.entity.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { KeyMemberRepository } from './belonging/key-member.repository.js';
import type { KeyMember } from './domain/belonging.js';
import { wholeOrganization } from './domain/key-reach.js';
import './keys.events.js';
import { factsOfMember, type KeyChangeNotes, RecordKeyChange } from './record-key-change.js';

/** What of a key is changed: columns, and where they are given the members, all of them. */
export type KeyChanges = Partial<ApiKeyEntity> & { readonly members?: readonly KeyMember[] };

/** The one way in which a key's row is written: every cache hears of it, and the audit log and people of what became of the key. */
@Injectable()
export class WriteKeyService {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly events: EventBus,
    private readonly changes: RecordKeyChange,
    private readonly members: KeyMemberRepository,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  async insert(
    key: ApiKeyEntity,
    secret: ApiKeySecretEntity,
    members: readonly KeyMember[],
  ): Promise<void> {
    await this.transactions.run(async () => {
      await this.keys.insert(key, secret);
      await this.members.replace(key.organizationId, key.id, members);
      await this.changes.created(key, members);
    });
  }

  /** For {@link update}, until the caller's transaction ends. */
  lock(organizationId: string, keyId: string): Promise<ApiKeyEntity | null> {
    return this.keys.lockForUpdate(wholeOrganization(organizationId), keyId);
  }

  /**
   * In the caller's transaction, which has locked the key.
   * @param by the key that the change is made with; `null` for what the system does by itself
   */
  async update(
    key: ApiKeyEntity,
    { members, ...columns }: KeyChanges,
    by: string | null,
    notes: KeyChangeNotes = {},
  ): Promise<ApiKeyEntity> {
    const told = members ? await this.#replaceMembers(key, members, notes) : notes;
    const updatedAt = new Date(this.clock.now());
    const changed = await this.keys.update(key, { ...columns, updatedAt });
    this.events.emit('keys.key-changed', {
      organizationId: key.organizationId,
      keyId: key.id,
    });
    await this.changes.changed(key, changed, by, told);
    return changed;
  }

  async #replaceMembers(
    { organizationId, id }: ApiKeyEntity,
    members: readonly KeyMember[],
    notes: KeyChangeNotes,
  ): Promise<KeyChangeNotes> {
    const before = (await this.members.listOf(organizationId, [id])).get(id) ?? [];
    await this.members.replace(organizationId, id, members);
    const sorted = members.toSorted((one, other) => (one.userId < other.userId ? -1 : 1));
    return {
      ...notes,
      before: { ...notes.before, members: before.map(factsOfMember) },
      after: { ...notes.after, members: sorted.map(factsOfMember) },
    };
  }
}
