import { Inject, Injectable } from '@nestjs/common';

import { JobPublisher } from '#platform/queue/job-publisher.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import type { AuditExport } from './domain/audit-export.js';

/** Has an export made by a worker. What is lost on the way is found by the sweep. */
@Injectable()
export class ExportQueue {
  constructor(
    private readonly publisher: JobPublisher,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  add(one: AuditExport): void {
    this.publish(one).catch((error: unknown) => {
      this.logger.warn({ exportId: one.id, err: error }, 'An export waits for the next sweep');
    });
  }

  async publish({ organizationId, id }: AuditExport): Promise<void> {
    await this.publisher.publish(
      'audit-export.run',
      { organizationId, exportId: id },
      { deduplicationId: id },
    );
  }
}
