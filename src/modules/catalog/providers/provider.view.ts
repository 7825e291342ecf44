import type { DeletedProviderResponse, ProviderResponse } from './dto/provider.responses.js';
import type { ProviderEntity } from './provider.entity.js';

export function viewProvider(provider: ProviderEntity): ProviderResponse {
  const { timeouts } = provider;
  return {
    id: provider.id,
    name: provider.name,
    kind: provider.kind,
    base_url: provider.baseUrl,
    has_api_key: provider.sealedCredential !== null,
    timeouts: {
      connect_ms: timeouts.connectMs,
      first_byte_ms: timeouts.firstByteMs,
      idle_ms: timeouts.idleMs,
      total_ms: timeouts.totalMs,
    },
    created_at: provider.createdAt.toISOString(),
    version: provider.version,
  };
}

export function viewDeletedProvider(id: string): DeletedProviderResponse {
  return { id, deleted: true };
}
