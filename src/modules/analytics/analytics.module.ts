import { Module } from '@nestjs/common';

import { LiveModule } from './live/live.module.js';
import { ReportsModule } from './reports/reports.module.js';
import { RequestLogModule } from './request-log/request-log.module.js';

/** What people read of usage. */
@Module({ imports: [LiveModule, ReportsModule, RequestLogModule] })
export class AnalyticsModule {}
