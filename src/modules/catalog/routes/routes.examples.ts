/** Examples of the OpenAPI document. */
export const NEW_ROUTE_EXAMPLE = {
  model: 'gpt-4o-mini',
  provider_id: 'prov_4fTqV0mZx1sLwq8nE2bYcA',
  price: { input_per_million: '0.15', output_per_million: '0.60' },
};

export const ROUTE_EXAMPLE = {
  id: 'rte_4fTqV0mZx1sLwq8nE2bYcA',
  model: 'gpt-4o-mini',
  provider_id: 'prov_4fTqV0mZx1sLwq8nE2bYcA',
  upstream_model: 'gpt-4o-mini',
  price: { input_per_million: 0.15, output_per_million: 0.6, cached_input_per_million: null },
  priority: 0,
  weight: 1,
  context_length: 128_000,
  max_output_tokens: 16_384,
  created_at: '2026-11-21T09:00:00.000Z',
  version: 1,
};
