import { Module } from '@nestjs/common';

import { ReportsModule } from './reports/reports.module.js';
import { RequestLogModule } from './request-log/request-log.module.js';

/** What people read of usage. */
@Module({ imports: [ReportsModule, RequestLogModule] })
export class AnalyticsModule {}
