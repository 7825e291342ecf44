/** Examples of the OpenAPI document. */
export const NEW_PROVIDER_EXAMPLE = {
  name: 'openai',
  kind: 'openai-compatible',
  base_url: 'https://api.openai.com/v1',
  api_key: 'sk-EXAMPLE',
};

export const PROVIDER_EXAMPLE = {
  id: 'prov_4fTqV0mZx1sLwq8nE2bYcA',
  name: 'openai',
  kind: 'openai-compatible',
  base_url: 'https://api.openai.com/v1',
  has_api_key: true,
  timeouts: { connect_ms: 5_000, first_byte_ms: 60_000, idle_ms: 60_000, total_ms: 600_000 },
  created_at: '2026-11-21T09:00:00.000Z',
  version: 1,
};
