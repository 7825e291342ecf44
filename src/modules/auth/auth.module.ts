import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';

import { KeysModule } from '#modules/keys/index.js';

import { AccessControl } from './access-control.js';
import { AccessGuard } from './access.guard.js';
import { AppPassport } from './app-passport.js';
import { BearerKeyStrategy } from './bearer-key.strategy.js';
import { FailedAttempts } from './failed-attempts.js';
import { NoncesModule } from './nonces/nonces.module.js';
import { RequestClients } from './request-client.js';
import { RequestSignatures } from './signing/request-signatures.js';
import { TicketStrategy } from './tickets/ticket.strategy.js';
import { Tickets } from './tickets/tickets.store.js';

@Module({
  imports: [KeysModule, NoncesModule],
  providers: [
    AccessControl,
    AppPassport,
    BearerKeyStrategy,
    FailedAttempts,
    RequestClients,
    RequestSignatures,
    Tickets,
    TicketStrategy,
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [FailedAttempts, RequestClients, Tickets],
})
export class AuthModule {}
