import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { parseUsd } from '#common/money/money.js';
import { Clock } from '#common/time/clock.js';

import { CreditReach } from './credit-reach.service.js';
import type { CreateGrantDto } from './dto/credit.dto.js';
import { type GrantedCredit, WriteGrantService } from './write-grant.service.js';

/** What whoever runs the installation does with credit: they hold a master key. */
@Injectable()
export class GrantCreditService {
  constructor(
    private readonly reach: CreditReach,
    private readonly writeGrant: WriteGrantService,
    private readonly clock: Clock,
  ) {}

  /** @throws {AppError} `not_found`, `escalation_denied`, `invalid_request`, `conflict` */
  async grant(caller: Principal, dto: CreateGrantDto): Promise<GrantedCredit> {
    const organizationId = await this.reach.organizationOf(caller, dto.organization_id ?? null);
    if (caller.accessLevel !== 'master') {
      throw new AppError('escalation_denied', { message: 'Only a master key grants credit.' });
    }
    const amountNanos = parseUsd(dto.amount) ?? 0n;
    if (amountNanos === 0n) throw invalid('amount', 'amount must be above 0.');
    const expiresAt = dto.expires_at ?? null;
    if (expiresAt !== null && expiresAt.getTime() <= this.clock.now()) {
      throw invalid('expires_at', 'expires_at must be in the future.');
    }
    const facts = { kind: dto.kind ?? 'prepaid', reason: dto.reason, grantedBy: caller.keyId };
    return this.writeGrant.write(organizationId, { ...facts, amountNanos, expiresAt });
  }
}

function invalid(param: string, message: string): AppError {
  return new AppError('invalid_request', { message, param });
}
