import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';

import { SpoolWriter } from './spool/spool-writer.js';
import { UsagePipelineStats } from './usage-pipeline-stats.port.js';
import { UsageShipper } from './usage-shipper.service.js';

@Injectable()
export class SpoolPipelineStats extends UsagePipelineStats {
  constructor(
    private readonly writer: SpoolWriter,
    private readonly shipper: UsageShipper,
    private readonly clock: Clock,
  ) {
    super();
  }

  override get appended(): number {
    return this.writer.appended;
  }

  override get shipped(): number {
    return this.shipper.counts.shipped;
  }

  override get duplicates(): number {
    return this.shipper.counts.duplicates;
  }

  override get corrupt(): number {
    return this.shipper.counts.corrupt;
  }

  override get torn(): number {
    return this.shipper.counts.torn;
  }

  override get rejected(): number {
    return this.shipper.counts.rejected;
  }

  override get unshippedBytes(): number {
    return this.writer.unshippedBytes;
  }

  override get oldestUnshippedAgeMs(): number {
    const since = this.writer.oldestUnshippedMs;
    return since === null ? 0 : Math.max(0, this.clock.now() - since);
  }
}
