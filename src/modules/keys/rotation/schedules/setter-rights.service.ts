import { Injectable } from '@nestjs/common';

import { scopeMask } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';
import { Memberships } from '#modules/organizations/index.js';

import type { ApiKeyEntity } from '../../api-key.entity.js';
import { ApiKeyRepository } from '../../api-key.repository.js';
import { grantOf } from '../../changeable-key.js';
import { assertGrantWithin } from '../../domain/grant.js';
import { reachOf, wholeOrganization } from '../../domain/key-reach.js';
import type { KeyView } from '../../domain/key-view.js';
import { memberView } from '../../domain/member-view.js';
import { keyViewOf } from '../../key-view-of.js';

const ROTATES_KEYS = scopeMask(['keys:write']);

/** A schedule acts for whoever set it last: a person, or a key. */
@Injectable()
export class SetterRights {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly memberships: Memberships,
  ) {}

  /**
   * Whether they might set the schedule now, by their role, or their key's rights, of now.
   * @param setBy `key_…` or `user_…`
   */
  async mayRotate(setBy: string, key: ApiKeyEntity): Promise<boolean> {
    const setter = await this.#viewOf(key.organizationId, setBy);
    if (!setter || (setter.scopeMask & ROTATES_KEYS) === 0) return false;
    if (key.accessLevel === 'master' && setter.accessLevel !== 'master') return false;
    const reach = reachOf(setter);
    if (!(await this.keys.exists(reach, key.id))) return false;
    return isWithin(setter, key) && (await this.keys.isManaged(reach, key.id));
  }

  async #viewOf(organizationId: string, id: string): Promise<KeyView | null> {
    const row = await this.keys.find(wholeOrganization(organizationId), id);
    if (!row) return this.#viewOfPerson(organizationId, id);
    if (row.standing !== null) return null;
    // One of its secrets may end: that says nothing of the key. Nor is its own end looked at: keys are replaced by others as
    // a matter of course, and what they set up stays.
    return keyViewOf({ ...row, secret: { ...row.secret, expiresAt: null } }, null);
  }

  async #viewOfPerson(organizationId: string, userId: string): Promise<KeyView | null> {
    const membership = await this.memberships.find(organizationId, userId);
    if (!membership || membership.isSuspended) return null;
    const { role, scopes } = membership;
    return memberView({ organizationId, userId, role, scopes, sessionId: userId });
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
