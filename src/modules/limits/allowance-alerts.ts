import { Inject, Injectable } from '@nestjs/common';

import { EventBus } from '#platform/events/event-bus.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import type { Lease } from './leases/lease.js';
import { LimitsMetrics } from './limits.metrics.js';
import './limits.events.js';

/**
 * Says that an allowance nears its end in a window, or has reached it. The store answers each once, to one of all
 * instances: an event for whoever notifies people, and a line in the log until somebody does.
 */
@Injectable()
export class AllowanceAlerts {
  constructor(
    private readonly events: EventBus,
    readonly metrics: LimitsMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  tell({ allowance, state }: Lease, reached: 'threshold' | 'limit'): void {
    const { organizationId } = allowance;
    this.metrics.alerted(reached);
    this.events.emit('limits.allowance-reached', { organizationId, reached, state });
    // A limit of a minute that is reached is how such a limit works; nobody is to be woken by it.
    const facts = { organization_id: organizationId, reached, limit: state };
    this.logger.info(facts, 'A limit nears its end, or has reached it');
  }
}
