import { Global, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';

import { ActingInterceptor } from './acting.interceptor.js';
import { Actors } from './actor.js';

/** Who acts. What they do is written down by the audit module, which implements `AuditTrail`. */
@Global()
@Module({
  providers: [Actors, { provide: APP_INTERCEPTOR, useClass: ActingInterceptor }],
  exports: [Actors],
})
export class ActorsModule {}
