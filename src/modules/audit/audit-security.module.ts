import { Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';

import { AuditSpoolModule } from './audit-spool.module.js';
import { AuditedRequestsInterceptor } from './security/audited-requests.interceptor.js';
import { RecordRefusalsService } from './security/record-refusals.service.js';

/** What is written of requests themselves: who was refused, and all that a key does whose policy says so. */
@Module({
  imports: [AuditSpoolModule],
  providers: [
    RecordRefusalsService,
    { provide: APP_INTERCEPTOR, useClass: AuditedRequestsInterceptor },
  ],
})
export class AuditSecurityModule {}
