import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventBus } from '#platform/events/event-bus.js';

import type { ApiKeyEntity } from '../../api-key.entity.js';
import { ApiKeyRepository } from '../../api-key.repository.js';
import { wholeOrganization } from '../../domain/key-reach.js';
import '../../keys.events.js';
import type { KeyRotation } from './key-rotation.js';
import { KeyRotationRepository } from './key-rotation.repository.js';

/** What every job on a key's rotation has in common. */
@Injectable()
export class AttendToRotationService {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly rotations: KeyRotationRepository,
    private readonly transactions: TransactionRunner,
    private readonly events: EventBus,
  ) {}

  /**
   * In one transaction, which holds the key: of several workers the later ones see what the first has done, and one that
   * dies leaves everything or nothing.
   * @param work looks whether there is something to do, does it, and answers how far the rotation is then
   */
  async attend(
    keyId: string,
    work: (key: ApiKeyEntity, rotation: KeyRotation) => Promise<KeyRotation>,
  ): Promise<void> {
    const organizationId = await this.rotations.organizationOfAcrossTenants(keyId);
    if (organizationId === null) return;
    await this.transactions.run(async () => {
      const key = await this.keys.lockForUpdate(wholeOrganization(organizationId), keyId);
      const rotation = key && (await this.rotations.find(organizationId, keyId));
      if (!rotation) return;
      const next = await work(key, rotation);
      if (next !== rotation) await this.rotations.update(next);
      // Also where nothing was left to do: whoever did it may have died before it could say so.
      this.events.emit('keys.key-changed', { organizationId, keyId });
    });
  }
}
