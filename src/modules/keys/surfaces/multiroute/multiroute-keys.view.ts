import type { Page } from '#common/pagination/cursor.js';

import type { IssuedKey } from '../../issue-key.service.js';
import type { KeyResponse } from '../../dto/key.responses.js';
import { showSigningSecret } from '../../signing-secrets.js';
import type {
  ApiKeyListResponse,
  CreatedApiKeyResponse,
  ListedApiKeyResponse,
} from './multiroute-keys.dto.js';

export function viewCreatedApiKey({ issued, secret }: IssuedKey): CreatedApiKeyResponse {
  const { key, signingSecret } = issued;
  return {
    id: key.id,
    name: key.name,
    secret: secret.reveal(),
    ...showSigningSecret(signingSecret),
    created_at: key.createdAt.toISOString(),
    scopes: key.scopes,
    expires_at: key.expiresAt?.toISOString() ?? null,
  };
}

export function viewApiKeyList({ data, ...rest }: Page<KeyResponse>): ApiKeyListResponse {
  return { data: data.map(viewListedApiKey), ...rest };
}

function viewListedApiKey(key: KeyResponse): ListedApiKeyResponse {
  const { id, name, prefix, last_four, created_at, last_used_at, scopes, status } = key;
  return {
    id,
    name,
    prefix,
    last_four,
    created_at,
    last_used_at,
    scopes,
    revoked: status === 'revoked',
  };
}
