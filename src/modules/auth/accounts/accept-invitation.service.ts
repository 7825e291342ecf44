import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Secret } from '#common/secret/secret.js';
import {
  Invitations,
  Memberships,
  type NewUser,
  type User,
  Users,
} from '#modules/organizations/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { SessionIssuer } from '../sessions/session-issuer.port.js';
import type { EnteredOrganization } from './account.view.js';
import type { Client } from './browsers.js';
import type { AcceptInvitationDto } from './dto/account.dto.js';
import { ProveInvitedService } from './prove-invited.service.js';

/** Makes somebody who was invited a member, and begins a session for them. */
@Injectable()
export class AcceptInvitationService {
  constructor(
    private readonly invitations: Invitations,
    private readonly users: Users,
    private readonly memberships: Memberships,
    private readonly proveInvited: ProveInvitedService,
    private readonly sessions: SessionIssuer,
    private readonly transactions: TransactionRunner,
  ) {}

  /**
   * @param session token of the session that the caller has already; `null` for none
   * @throws {AppError} `not_found` for an invitation that is not open (any more); `conflict` for a member; what
   * `ProveInvitedService` throws
   */
  async accept(
    token: string,
    dto: AcceptInvitationDto,
    client: Client,
    session: Secret | null,
  ): Promise<EnteredOrganization> {
    const pending = await this.invitations.findAcrossTenants(token);
    if (!pending) {
      throw new AppError('not_found', { message: 'This invitation is not open any more.' });
    }
    const invited = await this.proveInvited.prove(pending.email, dto, client.address, session);
    return this.transactions.run(async () => {
      const user = await this.#userOf(invited);
      const { organizationId } = await this.invitations.accept(token, user.id);
      const member = await this.memberships.find(organizationId, user.id);
      if (!member) throw new AppError('not_found', { message: 'The organization is gone.' });
      const issued = await this.sessions.issue({ userId: user.id, organizationId, ...client });
      const organization = { id: organizationId, name: member.organizationName };
      return { user, session: issued, organization };
    });
  }

  async #userOf(invited: User | NewUser): Promise<User> {
    return 'id' in invited ? invited : this.users.create(invited);
  }
}
