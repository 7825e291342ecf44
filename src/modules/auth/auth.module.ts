import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';

import { KeysModule } from '#modules/keys/index.js';

import { AccessControl } from './access-control.js';
import { AccessGuard } from './access.guard.js';
import { AppPassport } from './app-passport.js';
import { BearerKeyStrategy } from './bearer-key.strategy.js';
import { FailedAttempts } from './failed-attempts.js';

@Module({
  imports: [KeysModule],
  providers: [
    AccessControl,
    AppPassport,
    BearerKeyStrategy,
    FailedAttempts,
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
})
export class AuthModule {}
