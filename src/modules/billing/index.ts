export { BillingModule } from './billing.module.js';
export { CreditsModule } from './credits/credits.module.js';
export { verifyLedger } from './verification/verify-ledger.js';
