import { Injectable } from '@nestjs/common';

import { scopesOf } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';
import { type Membership, Memberships, Users } from '#modules/organizations/index.js';

import type { CallingSession } from '../sessions/calling-session.decorator.js';
import { SessionDirectory } from '../sessions/session-directory.service.js';
import { csrfTokenOf } from '../sessions/session-token.js';
import { viewUser } from './account.view.js';
import type { CallingUserResponse } from './dto/account.responses.js';

@Injectable()
export class ReadCallingUserService {
  constructor(
    private readonly users: Users,
    private readonly memberships: Memberships,
    private readonly sessions: SessionDirectory,
  ) {}

  /** @throws {AppError} `invalid_credentials` when the session has ended just now */
  async read({ token, userId, view }: CallingSession): Promise<CallingUserResponse> {
    const [user, session, memberships] = await Promise.all([
      this.users.findAcrossTenants(userId),
      this.sessions.find(token),
      this.memberships.listAcrossTenants(userId),
    ]);
    const own = memberships.find(({ organizationId }) => organizationId === view.organizationId);
    if (!user || !session || !own) throw new AppError('invalid_credentials');
    return {
      user: viewUser(user),
      organization: { id: own.organizationId, name: own.organizationName },
      role: session.view.role ?? own.role,
      scopes: scopesOf(session.view.scopeMask),
      memberships: memberships.map(viewMembership),
      csrf_token: csrfTokenOf(token),
      expires_at: new Date(session.expiresAt).toISOString(),
    };
  }
}

function viewMembership(membership: Membership): CallingUserResponse['memberships'][number] {
  return {
    organization_id: membership.organizationId,
    organization_name: membership.organizationName,
    role: membership.role,
    suspended: membership.isSuspended,
  };
}
