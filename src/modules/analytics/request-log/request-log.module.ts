import { Module } from '@nestjs/common';

import { UsageModule } from '#modules/usage/index.js';

import { DeleteBodiesService } from './delete-bodies.service.js';
import { ReadRequestsService } from './read-requests.service.js';
import { RequestLogController } from './request-log.controller.js';

@Module({
  imports: [UsageModule],
  controllers: [RequestLogController],
  providers: [ReadRequestsService, DeleteBodiesService],
})
export class RequestLogModule {}
