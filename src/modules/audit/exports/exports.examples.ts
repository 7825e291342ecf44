import type { ExportResponse } from './dto/export.responses.js';

export const EXPORT_EXAMPLE: ExportResponse = {
  id: 'exp_4fTqV0mZx1sLwq8nE2bYcA',
  state: 'ready',
  format: 'ndjson',
  key_id: null,
  requested_by: 'key_4fTqV0mZx1sLwq8nE2bYcA',
  include_pii: false,
  event_types: null,
  start_date: '2026-07-01T00:00:00.000Z',
  end_date: '2026-10-01T00:00:00.000Z',
  progress: { entries_done: 18_204, entries_total: 18_204 },
  bytes: 19_873_112,
  failure: null,
  created_at: '2026-11-28T09:00:00.000Z',
  expires_at: '2026-12-05T09:00:04.000Z',
  download_url:
    '/v1/exports/exp_4fTqV0mZx1sLwq8nE2bYcA/file?for=key_4fTqV0mZx1sLwq8nE2bYcA&expires=1795946404&signature=Yk1vQm5xUjZ0V2VYc0hOZ2pLd1pCcUx5VGFFaVVvRnA',
};

export const NEW_EXPORT_EXAMPLE: ExportResponse = {
  ...EXPORT_EXAMPLE,
  state: 'queued',
  progress: { entries_done: 0, entries_total: null },
  bytes: 0,
  expires_at: null,
  download_url: null,
};

/** Of one in NDJSON, shortened. */
export const FILE_EXAMPLE =
  '{"id":"aud_4fTqV0mZx1sLwq8nE2bYcA","action":"key.created","outcome":"success"}\n';
