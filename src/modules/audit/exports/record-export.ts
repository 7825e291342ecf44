import type { AuditEvent } from '#platform/audit-trail/audit-trail.port.js';

import type { AuditExport } from './domain/audit-export.js';

/** What the audit log says of an export: the log of a key has what is done with its exports. */
export function eventOf(
  action: Extract<AuditEvent['action'], `export.${string}`>,
  one: AuditExport,
  more: Readonly<Record<string, unknown>> = {},
): AuditEvent {
  return {
    organizationId: one.organizationId,
    action,
    target: { type: 'export', id: one.id },
    keyId: one.keyId,
    details: {
      format: one.format,
      include_pii: one.includePii,
      event_types: one.eventTypes,
      start_date: one.from.toISOString(),
      end_date: one.to.toISOString(),
      requested_by: one.requestedBy,
      ...more,
    },
  };
}
