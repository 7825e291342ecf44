import { Injectable } from '@nestjs/common';

import { Memberships } from '#modules/organizations/index.js';
import { type AuditEvent, AuditTrail } from '#platform/audit-trail/audit-trail.port.js';

/** An account is nobody's own: what becomes of it stands in the log of each organization that its user belongs to. */
@Injectable()
export class RecordAccountEvent {
  constructor(
    private readonly trail: AuditTrail,
    private readonly memberships: Memberships,
  ) {}

  /** In the current transaction. */
  async append(
    userId: string,
    event: Pick<AuditEvent, 'action' | 'outcome' | 'details' | 'reason'>,
  ): Promise<void> {
    for (const { organizationId } of await this.memberships.listAcrossTenants(userId)) {
      await this.trail.append({ organizationId, target: { type: 'user', id: userId }, ...event });
    }
  }
}
