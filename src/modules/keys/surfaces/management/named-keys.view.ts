import type { Page } from '#common/pagination/cursor.js';

import type { ApiKeyEntity } from '../../api-key.entity.js';
import type { IssuedKey } from '../../issue-key.service.js';
import { showSigningSecret } from '../../signing-secrets.js';
import type {
  CreatedNamedKeyResponse,
  NamedKeyListResponse,
  NamedKeyResponse,
} from './named-keys.dto.js';

export function viewNamedKey({ name, createdAt, scopes }: ApiKeyEntity): NamedKeyResponse {
  return {
    name,
    created_at: Math.floor(createdAt.getTime() / 1000),
    is_management_key: scopes.includes('keys:write'),
  };
}

export function viewCreatedNamedKey({ issued, secret }: IssuedKey): CreatedNamedKeyResponse {
  return {
    api_key: secret.reveal(),
    ...showSigningSecret(issued.signingSecret),
    ...viewNamedKey(issued.key),
  };
}

export function viewNamedKeyList({ data, ...rest }: Page<NamedKeyResponse>): NamedKeyListResponse {
  return { api_keys: data, ...rest };
}
