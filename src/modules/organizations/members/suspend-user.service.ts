import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { Standing } from '../teams/teams.port.js';
import { ChangeMemberService } from './change-member.service.js';
import type { SuspendUserDto } from './dto/member.dto.js';
import type { UserStandingResponse } from './dto/member.responses.js';
import { MemberRepository } from './member.repository.js';
import { RecordMemberChange } from './record-member-change.js';
import { UserRepository } from './user.repository.js';

@Injectable()
export class SuspendUserService {
  constructor(
    private readonly users: UserRepository,
    private readonly members: MemberRepository,
    private readonly changeMember: ChangeMemberService,
    private readonly transactions: TransactionRunner,
    private readonly record: RecordMemberChange,
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
      const user = await this.users.findAcrossTenants(userId);
      if (!user || !(await this.users.setStatusAcrossTenants(userId, status))) {
        throw new AppError('not_found', { message: `There is no user ${userId}.` });
      }
      const theirs = await this.members.listAcrossTenants(userId);
      // Also where they belong to none: whoever suspends them has done something.
      const told = new Set([caller.organizationId, ...theirs.map((one) => one.organizationId)]);
      await this.record.setEverywhere(user, [user.status, status], [...told]);
    });
  }
}
