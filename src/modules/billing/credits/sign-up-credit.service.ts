import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

import { parseUsd } from '#common/money/money.js';
import { NewOrganizations } from '#modules/organizations/index.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { type Actor, Actors } from '#platform/audit-trail/actor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { CreditGrantRepository } from './credit-grant.repository.js';
import { WriteGrantService } from './write-grant.service.js';

const SIGN_UP = 'sign-up';

/**
 * What every organization is given to begin with, in the transaction that makes it; those that were there before there was credit
 * are given it once, by the job.
 */
@Injectable()
export class SignUpCreditService implements OnModuleInit {
  constructor(
    private readonly newOrganizations: NewOrganizations,
    private readonly grants: CreditGrantRepository,
    private readonly writeGrant: WriteGrantService,
    private readonly transactions: TransactionRunner,
    private readonly actors: Actors,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onModuleInit(): void {
    this.newOrganizations.onMade((organizationId) => this.#give(organizationId));
  }

  /** @param actor as whom it is written down */
  async giveToOldOnes(maxRows: number, actor: Actor, signal: AbortSignal): Promise<void> {
    const due = await this.grants.dueForSignUpCreditAcrossTenants(maxRows);
    for (const organizationId of due) {
      if (signal.aborted) return;
      const give = async (): Promise<void> => {
        const isDue = await this.grants.takeSignUpCreditDue(organizationId);
        if (isDue) await this.#give(organizationId);
      };
      await this.actors.act(actor, () => this.transactions.run(give));
    }
  }

  async #give(organizationId: string): Promise<void> {
    const amountNanos = parseUsd(this.config.signUpCredit) ?? 0n;
    if (amountNanos === 0n) return;
    const grant = { kind: 'promotional', amountNanos, reason: 'Sign-up credit' } as const;
    const facts = { ...grant, expiresAt: null, grantedBy: SIGN_UP };
    await this.writeGrant.write(organizationId, facts, SIGN_UP);
  }
}
