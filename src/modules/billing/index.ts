export { BillingModule } from './billing.module.js';
export { CreditsModule } from './credits/credits.module.js';
export { HeldCredit } from './credits/held-credit.port.js';
export { verifyLedger } from './verification/verify-ledger.js';
