import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventBus } from '#platform/events/event-bus.js';

import type { Standing } from '../teams/teams.port.js';
import { ChangeMemberService } from './change-member.service.js';
import type { SuspendUserDto } from './dto/member.dto.js';
import type { UserStandingResponse } from './dto/member.responses.js';
import { MemberRepository } from './member.repository.js';
import { UserRepository } from './user.repository.js';

@Injectable()
export class SuspendUserService {
  constructor(
    private readonly users: UserRepository,
    private readonly members: MemberRepository,
    private readonly changeMember: ChangeMemberService,
    private readonly transactions: TransactionRunner,
    private readonly events: EventBus,
  ) {}

  /**
   * Suspends or resumes a user in the caller's organization, or everywhere.
   * @throws {AppError} `not_found`; `escalation_denied`; `conflict` for the last owner
   */
  async setStatus(
    caller: Principal,
    userId: string,
    status: Standing,
    dto: SuspendUserDto,
  ): Promise<UserStandingResponse> {
    const everywhere = dto.everywhere ?? false;
    if (everywhere) await this.#setEverywhere(caller, userId, status);
    else await this.changeMember.setStatus(caller, userId, status);
    return { id: userId, status, everywhere };
  }

  async #setEverywhere(caller: Principal, userId: string, status: Standing): Promise<void> {
    if (caller.accessLevel !== 'master') {
      throw new AppError('escalation_denied', {
        message: 'Only a master key suspends and resumes somebody everywhere.',
        param: 'everywhere',
      });
    }
    await this.transactions.run(async () => {
      if (!(await this.users.setStatusAcrossTenants(userId, status))) {
        throw new AppError('not_found', { message: `There is no user ${userId}.` });
      }
      this.events.emit('organizations.members-changed', { organizationId: null, userId });
      for (const { organizationId } of await this.members.listAcrossTenants(userId)) {
        const about = { organizationId, teamId: null, userId, serviceAccountId: null };
        this.events.emit('organizations.standing-changed', about);
      }
    });
  }
}
