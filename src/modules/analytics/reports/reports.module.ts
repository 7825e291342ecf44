import { Module } from '@nestjs/common';

import { KeysModule } from '#modules/keys/index.js';
import { UsageModule } from '#modules/usage/index.js';

import { AnalyzeUsageService } from './analyze-usage.service.js';
import { GroupUsageService } from './group-usage.service.js';
import { ReadCurrentUsageService } from './read-current-usage.service.js';
import { ReportsController } from './reports.controller.js';

@Module({
  imports: [KeysModule, UsageModule],
  controllers: [ReportsController],
  providers: [AnalyzeUsageService, GroupUsageService, ReadCurrentUsageService],
})
export class ReportsModule {}
