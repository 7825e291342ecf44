import { Module } from '@nestjs/common';

import { KeysModule } from '#modules/keys/index.js';
import { UsageModule } from '#modules/usage/index.js';

import { DeleteBodiesService } from './delete-bodies.service.js';
import { ReachedCalls } from './reached-calls.service.js';
import { ReadRequestsService } from './read-requests.service.js';
import { RequestLogController } from './request-log.controller.js';

@Module({
  imports: [KeysModule, UsageModule],
  controllers: [RequestLogController],
  providers: [ReadRequestsService, DeleteBodiesService, ReachedCalls],
})
export class RequestLogModule {}
