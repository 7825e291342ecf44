export {
  type Admission,
  CallLimiter,
  type Claim,
  type Reservation,
} from './call-limiter.service.js';
export * from './domain/allowance.js';
export { type Amounts, amountsOf } from './domain/amounts.js';
export { LimitsModule } from './limits.module.js';
