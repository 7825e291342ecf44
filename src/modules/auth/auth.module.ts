import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';

import { KeysModule } from '#modules/keys/index.js';

import { AccessControl } from './access-control.js';
import { AccessGuard } from './access.guard.js';
import { FailedAttempts } from './failed-attempts.js';

@Module({
  imports: [KeysModule],
  providers: [AccessControl, FailedAttempts, { provide: APP_GUARD, useClass: AccessGuard }],
})
export class AuthModule {}
