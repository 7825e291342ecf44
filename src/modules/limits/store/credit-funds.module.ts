import { Module } from '@nestjs/common';

import { CreditFunds } from './credit-funds.port.js';
import { PostgresCreditFunds } from './postgres.credit-funds.js';

/** For whoever pays in, without the data folder's call journal. */
@Module({
  providers: [{ provide: CreditFunds, useClass: PostgresCreditFunds }],
  exports: [CreditFunds],
})
export class CreditFundsModule {}
