import { Module } from '@nestjs/common';

import { RequestLogModule } from './request-log/request-log.module.js';

/** What people read of usage. */
@Module({ imports: [RequestLogModule] })
export class AnalyticsModule {}
