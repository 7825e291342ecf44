import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { scopeMask } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';

import { Memberships } from '../members/memberships.port.js';
import { ServiceAccounts } from '../service-accounts/service-accounts.port.js';
import { OWNER, type Rights } from './domain/rights.js';

const NONE: Rights = { scopeMask: 0, isOwner: false };

/** What the caller may hand on, at the moment of the change. */
@Injectable()
export class CallerRights {
  constructor(
    private readonly memberships: Memberships,
    private readonly accounts: ServiceAccounts,
  ) {}

  /**
   * Of a person, of a key of their own, and of one of a service account, it is read anew: under the organization's lock they may find that another has just
   * taken it from them, and their key must not give it back.
   * @throws {AppError} `escalation_denied` for a key that more than its scopes bounds: nothing bounds a person with a role, so
   * such a key would give more than it has
   */
  async of(caller: Principal): Promise<Rights> {
    const { organizationId, userId, serviceAccountId, role } = caller;
    if (role === null && caller.isBounded) throw bounded();
    if (serviceAccountId !== null) return this.#ofAccount(caller, serviceAccountId);
    if (userId === null) {
      return { scopeMask: caller.scopeMask, isOwner: caller.accessLevel === 'master' };
    }
    const membership = await this.memberships.find(organizationId, userId);
    if (!membership || membership.isSuspended) return NONE;
    return {
      scopeMask: caller.scopeMask & scopeMask(membership.scopes),
      isOwner: role !== null && membership.role === OWNER,
    };
  }

  async #ofAccount({ organizationId, scopeMask: has }: Principal, id: string): Promise<Rights> {
    const account = await this.accounts.resolve(organizationId, id);
    if (!account || account.isSuspended) return NONE;
    return { scopeMask: has & scopeMask(account.scopes), isOwner: false };
  }
}

function bounded(): AppError {
  return new AppError('escalation_denied', {
    message:
      'A key with a policy, an end or a team, and a test key, can’t decide on people and service accounts: use a session, or a key that only its scopes bound.',
  });
}
