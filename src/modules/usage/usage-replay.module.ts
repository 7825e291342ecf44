import { Module } from '@nestjs/common';

import { PartitionKeeperService } from './partition-keeper.service.js';
import { ReplaySpoolService } from './replay-spool.service.js';
import { SpoolReplay } from './spool-replay.port.js';
import { UsageShipmentRepository } from './usage-shipment.repository.js';

/** The way from a spool to PostgreSQL without a spool of one's own: all that the command line needs. */
@Module({
  providers: [
    PartitionKeeperService,
    UsageShipmentRepository,
    ReplaySpoolService,
    { provide: SpoolReplay, useExisting: ReplaySpoolService },
  ],
  exports: [PartitionKeeperService, UsageShipmentRepository, SpoolReplay],
})
export class UsageReplayModule {}
