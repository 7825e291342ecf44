import { describe, expect, it } from 'vitest';

import type { Principal } from '#common/auth/principal.js';
import { type BuiltInRole, SCOPES_OF_ROLE } from '#common/auth/roles.js';
import { scopeMask, SCOPES } from '#common/auth/scopes.js';

import { type Membership, Memberships } from '../members/memberships.port.js';
import { type ServiceAccount, ServiceAccounts } from '../service-accounts/service-accounts.port.js';
import { CallerRights } from './caller-rights.service.js';

const ALL = scopeMask(SCOPES);
const CALLER: Principal = {
  organizationId: 'org_1',
  keyId: 'key_1',
  secretId: 'sec_1',
  userId: null,
  serviceAccountId: null,
  role: null,
  accessLevel: 'admin',
  scopeMask: ALL,
  teamId: null,
  isBounded: false,
  auditedRequests: null,
  isWatched: false,
  allowsModel: () => true,
};

class OneMember extends Memberships {
  constructor(private readonly role: BuiltInRole) {
    super();
  }

  override find(organizationId: string, userId: string): Promise<Membership> {
    const { role } = this;
    const member = { organizationId, organizationName: 'One', userId, role, isSuspended: false };
    return Promise.resolve({ ...member, scopes: SCOPES_OF_ROLE[role] });
  }

  override membersAmong(): never {
    throw new Error('Not asked.');
  }

  override listAcrossTenants(): never {
    throw new Error('Not asked.');
  }
}

class OneAccount extends ServiceAccounts {
  constructor(private readonly account: Partial<ServiceAccount> | null) {
    super();
  }

  override resolve(_: string, id: string): Promise<ServiceAccount | null> {
    const account = { id, teamId: null, scopes: SCOPES_OF_ROLE.viewer, isSuspended: false };
    return Promise.resolve(this.account && { ...account, ...this.account });
  }
}

describe('what a caller may hand on', () => {
  const of = (
    caller: Partial<Principal>,
    role: BuiltInRole,
    account: Partial<ServiceAccount> | null = null,
  ): Promise<unknown> =>
    new CallerRights(new OneMember(role), new OneAccount(account)).of({ ...CALLER, ...caller });

  it('is what a key has that is nobody’s', async () => {
    expect(await of({}, 'viewer')).toEqual({ scopeMask: ALL, isOwner: false });
  });

  it('is no more than its owner has by now, of a key that they made before', async () => {
    const scopes = scopeMask(SCOPES_OF_ROLE.viewer);
    expect(await of({ userId: 'user_1' }, 'viewer')).toEqual({ scopeMask: scopes, isOwner: false });
    expect(await of({ userId: 'user_1' }, 'owner')).toEqual({ scopeMask: ALL, isOwner: false });
  });

  it('is no more than its service account has by now, of a key of one', async () => {
    const caller = { serviceAccountId: 'sa_1' };
    const scopes = scopeMask(SCOPES_OF_ROLE.viewer);
    expect(await of(caller, 'owner', {})).toEqual({ scopeMask: scopes, isOwner: false });
    const none = { scopeMask: 0, isOwner: false };
    expect(await of(caller, 'owner', { isSuspended: true })).toEqual(none);
    expect(await of(caller, 'owner', null)).toEqual(none);
    const bounded = of({ ...caller, isBounded: true }, 'owner', {});
    await expect(bounded).rejects.toMatchObject({ code: 'escalation_denied' });
  });

  it('is an owner’s in a session alone', async () => {
    const session = { keyId: 'user_1', userId: 'user_1', role: 'owner', accessLevel: null };
    expect(await of(session, 'owner')).toEqual({ scopeMask: ALL, isOwner: true });
    expect(await of(session, 'admin')).toEqual({ scopeMask: ALL, isOwner: false });
  });

  it('is nothing of a key that more than its scopes bounds', async () => {
    const refused = expect.objectContaining({ code: 'escalation_denied' }) as Error;
    await expect(of({ isBounded: true }, 'owner')).rejects.toEqual(refused);
    await expect(of({ isBounded: true, userId: 'user_1' }, 'owner')).rejects.toEqual(refused);
  });
});
