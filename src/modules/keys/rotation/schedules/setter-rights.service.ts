import { Injectable } from '@nestjs/common';

import { scopeMask } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';

import type { ApiKeyEntity } from '../../api-key.entity.js';
import { ApiKeyRepository } from '../../api-key.repository.js';
import { grantOf } from '../../changeable-key.js';
import { assertGrantWithin } from '../../domain/grant.js';
import { reachOf } from '../../domain/key-reach.js';
import type { KeyView } from '../../domain/key-view.js';
import { SubjectRights } from '../../subject-rights.port.js';

const ROTATES_KEYS = scopeMask(['keys:write']);

/** A schedule acts for whoever set it last: a person, or a key. */
@Injectable()
export class SetterRights {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly rights: SubjectRights,
  ) {}

  /**
   * Whether they might set the schedule now, by their role, or their key's rights, of now. Whether their key has ended is not
   * looked at: keys are replaced by others as a matter of course, and what they set up stays.
   * @param setBy `key_…` or `user_…`
   */
  async mayRotate(setBy: string, key: ApiKeyEntity): Promise<boolean> {
    const setter = await this.rights.viewOf(key.organizationId, setBy);
    if (!setter || (setter.scopeMask & ROTATES_KEYS) === 0) return false;
    if (key.accessLevel === 'master' && setter.accessLevel !== 'master') return false;
    const reach = reachOf(setter);
    if (!(await this.keys.exists(reach, key.id))) return false;
    return isWithin(setter, key) && (await this.keys.isManaged(reach, key.id));
  }
}

function isWithin(setter: KeyView, key: ApiKeyEntity): boolean {
  try {
    assertGrantWithin(setter, grantOf(key));
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}
