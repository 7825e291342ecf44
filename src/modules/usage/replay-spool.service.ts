import { Inject, Injectable } from '@nestjs/common';

import { type Logger, LOGGER } from '#platform/observability/logger.js';

import { PartitionKeeperService } from './partition-keeper.service.js';
import { SpoolDrain } from './spool-drain.js';
import { type ReplayReport, SpoolReplay } from './spool-replay.port.js';
import {
  comparePositions,
  findSpools,
  listSegments,
  type SpoolFolder,
} from './spool/spool-folder.js';
import { SpoolReader } from './spool/spool-reader.js';
import { UsageShipmentRepository } from './usage-shipment.repository.js';

@Injectable()
export class ReplaySpoolService extends SpoolReplay {
  constructor(
    private readonly shipments: UsageShipmentRepository,
    private readonly partitions: PartitionKeeperService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super();
  }

  override async replay(directory: string): Promise<ReplayReport[]> {
    const reports: ReplayReport[] = [];
    for (const folder of findSpools(directory)) reports.push(await this.#replaySpool(folder));
    return reports;
  }

  async #replaySpool(folder: SpoolFolder): Promise<ReplayReport> {
    // A process that is still writing would be followed for ever, so the end is where it is now; and only the last
    // segment can be one that is still being written.
    const last = listSegments(folder.directory).at(-1) ?? { segment: 0, bytes: 0 };
    const end = { segment: last.segment, offset: last.bytes };
    const { shipments, partitions, logger } = this;
    const reader = new SpoolReader(folder, (segment) => segment >= last.segment);
    const drain = new SpoolDrain(folder, reader, { shipments, partitions, logger });
    let position = await drain.position();
    let isAtEnd = comparePositions(position, end) >= 0;
    while (!isAtEnd) {
      const step = await drain.step();
      position = step.at;
      isAtEnd = step.isAtEnd || comparePositions(position, end) >= 0;
    }
    const isAtLast = position.segment === end.segment;
    const unreadBytes = isAtLast ? Math.max(0, end.offset - position.offset) : 0;
    return { ...folder, ...drain.counts, unreadBytes };
  }
}
