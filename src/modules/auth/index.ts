export { AuthModule } from './auth.module.js';
export { AccountJobsModule } from './accounts/account-jobs.module.js';
export { NoncesModule } from './nonces/nonces.module.js';
export { FailedAttempts } from './failed-attempts.js';
export { RequestClients } from './request-client.js';
export { Tickets } from './tickets/tickets.store.js';
