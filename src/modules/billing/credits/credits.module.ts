import { Module } from '@nestjs/common';

import { CreditFundsModule } from '#modules/limits/index.js';
import { OrganizationSettingsModule } from '#modules/organizations/index.js';

import { BILLING_JOBS } from '../billing.jobs.js';
import { LedgerRepository } from '../ledger/ledger.repository.js';
import { CreditGrantRepository } from './credit-grant.repository.js';
import { ExpireCreditsService } from './expire-credits.service.js';
import { ExpireGrantService } from './expire-grant.service.js';
import { KeepCreditsProcessor } from './keep-credits.processor.js';
import { SignUpCreditService } from './sign-up-credit.service.js';
import { WriteGrantService } from './write-grant.service.js';

/** Without routes, since workers have it too. */
@Module({
  imports: [CreditFundsModule, OrganizationSettingsModule],
  providers: [
    BILLING_JOBS,
    CreditGrantRepository,
    ExpireCreditsService,
    ExpireGrantService,
    KeepCreditsProcessor,
    LedgerRepository,
    SignUpCreditService,
    WriteGrantService,
  ],
  exports: [CreditGrantRepository, WriteGrantService],
})
export class CreditsModule {}
