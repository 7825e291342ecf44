import type { AuditFacts } from '#platform/audit-trail/audit-trail.port.js';

import type { ApiKeySecretEntity } from '../api-key-secret.entity.js';
import { viewSecrets } from './secrets.view.js';

/** What the audit log has of a key's secrets, as the API shows them; not of their uses, which are somebody's. */
export function factsOfSecrets(secrets: readonly ApiKeySecretEntity[], now: number): AuditFacts {
  const view = viewSecrets(secrets, now);
  return {
    old_key_expires_at: view.old_key_expires_at,
    secrets: view.secrets.map(({ id, prefix, last_four, state, created_at, expires_at }) => ({
      id,
      prefix,
      last_four,
      state,
      created_at,
      expires_at,
    })),
  };
}
