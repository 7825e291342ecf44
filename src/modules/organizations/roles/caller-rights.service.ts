import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { scopeMask } from '#common/auth/scopes.js';

import { Memberships } from '../members/memberships.port.js';
import { OWNER, type Rights } from './domain/rights.js';

const NONE: Rights = { scopeMask: 0, isOwner: false };

/** What the caller may hand on, at the moment of the change. */
@Injectable()
export class CallerRights {
  constructor(private readonly memberships: Memberships) {}

  /**
   * Of a person it is read anew: under the organization's lock they may find that another has just taken it from them.
   */
  async of(caller: Principal): Promise<Rights> {
    const { organizationId, userId, role } = caller;
    if (role === null || userId === null) {
      return { scopeMask: caller.scopeMask, isOwner: caller.accessLevel === 'master' };
    }
    const membership = await this.memberships.find(organizationId, userId);
    if (!membership || membership.isSuspended) return NONE;
    return {
      scopeMask: caller.scopeMask & scopeMask(membership.scopes),
      isOwner: membership.role === OWNER,
    };
  }
}
