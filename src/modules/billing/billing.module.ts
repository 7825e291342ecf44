import { Module } from '@nestjs/common';

import { UsageModule } from '#modules/usage/index.js';

import { CreditReach } from './credits/credit-reach.service.js';
import { CreditsController } from './credits/credits.controller.js';
import { CreditsModule } from './credits/credits.module.js';
import { GrantCreditService } from './credits/grant-credit.service.js';
import { ReadCreditsService } from './credits/read-credits.service.js';
import { UserBalanceController } from './credits/user-balance.controller.js';

@Module({
  imports: [CreditsModule, UsageModule],
  controllers: [CreditsController, UserBalanceController],
  providers: [CreditReach, GrantCreditService, ReadCreditsService],
})
export class BillingModule {}
