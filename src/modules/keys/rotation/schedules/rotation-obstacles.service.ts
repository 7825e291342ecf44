import { Injectable } from '@nestjs/common';

import type { ApiKeyEntity } from '../../api-key.entity.js';
import { ApiKeyRepository } from '../../api-key.repository.js';
import { keyStatus } from '../../api-key.view.js';
import { KeySecretRepository } from '../key-secret.repository.js';
import { MAX_GOOD_SECRETS } from '../replace-secret.service.js';
import type { KeyRotation, SkipReason } from './key-rotation.js';
import { SetterRights } from './setter-rights.service.js';

@Injectable()
export class RotationObstacles {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly setters: SetterRights,
    private readonly secrets: KeySecretRepository,
  ) {}

  /** Why the schedule does not rotate the key at `now`; `null`: nothing is in its way. */
  async find(
    key: ApiKeyEntity,
    { strategy, setBy }: KeyRotation,
    now: number,
  ): Promise<SkipReason | null> {
    // Who can’t use the key now can’t claim its next secret, and would come back to find the old one ended.
    const status = keyStatus(key, now);
    if (status === 'pending_approval') return 'key_pending_approval';
    if (status === 'disabled' || (await this.keys.standingOf(key)) !== null) return 'key_disabled';
    if (!(await this.setters.mayRotate(setBy, key))) return 'setter_not_allowed';
    const good = await this.secrets.listGood(key.organizationId, key.id, new Date(now));
    if (good.some(({ sealed }) => sealed !== null)) return 'secret_unclaimed';
    return strategy === 'gradual' && good.length >= MAX_GOOD_SECRETS ? 'too_many_secrets' : null;
  }
}
