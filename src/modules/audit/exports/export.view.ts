import type { AuditExport } from './domain/audit-export.js';
import type { ExportResponse } from './dto/export.responses.js';

export function viewExport(one: AuditExport, downloadUrl: string | null): ExportResponse {
  return {
    id: one.id,
    state: one.state,
    format: one.format,
    key_id: one.keyId,
    requested_by: one.requestedBy,
    include_pii: one.includePii,
    event_types: one.eventTypes === null ? null : [...one.eventTypes],
    start_date: one.from.toISOString(),
    end_date: one.to.toISOString(),
    progress: { entries_done: one.entriesDone, entries_total: one.entriesTotal },
    bytes: one.bytes,
    failure: one.failure,
    created_at: one.createdAt.toISOString(),
    expires_at: one.expiresAt?.toISOString() ?? null,
    download_url: downloadUrl,
  };
}
