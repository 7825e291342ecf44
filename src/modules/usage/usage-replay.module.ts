import { Module } from '@nestjs/common';

import { PartitionKeeperService } from './partition-keeper.service.js';
import { RebuildRollupsService } from './rollups/rebuild-rollups.service.js';
import { RollupRebuild } from './rollups/rollup-rebuild.port.js';
import { ReplaySpoolService } from './replay-spool.service.js';
import { SpoolReplay } from './spool-replay.port.js';
import { UsageShipmentRepository } from './usage-shipment.repository.js';

/** What needs no spool of one's own: the way from any spool to PostgreSQL, and what is done there by hand. */
@Module({
  providers: [
    PartitionKeeperService,
    UsageShipmentRepository,
    ReplaySpoolService,
    { provide: SpoolReplay, useExisting: ReplaySpoolService },
    RebuildRollupsService,
    { provide: RollupRebuild, useExisting: RebuildRollupsService },
  ],
  exports: [PartitionKeeperService, UsageShipmentRepository, SpoolReplay, RollupRebuild],
})
export class UsageReplayModule {}
