import { usdNumber } from '#common/money/money.js';
import type { KeyUsageTotals } from '#modules/usage/index.js';

import type { ApiKeyEntity } from './api-key.entity.js';
import type { KeyWithSecret } from './api-key.repository.js';
import type { CallingKeyResponse, KeyResponse, RevokedKeyResponse } from './dto/key.responses.js';

/** The state at `now`: decided by the clock, so that no job has to run for a key to expire. */
export function keyStatus(key: ApiKeyEntity, now: number): KeyResponse['status'] {
  if (key.revokedAt && key.revokedAt.getTime() <= now) return 'revoked';
  if (key.expiresAt && key.expiresAt.getTime() <= now) return 'expired';
  return key.disabledAt ? 'disabled' : 'active';
}

export function viewKey(
  { key, secret }: KeyWithSecret,
  lastUsedAt: Date | null,
  now: number,
): KeyResponse {
  return {
    id: key.id,
    name: key.name,
    prefix: secret.prefix,
    last_four: secret.lastFour,
    type: 'personal',
    environment: key.environment,
    access_level: key.accessLevel,
    scopes: key.scopes,
    status: keyStatus(key, now),
    policy: {
      models: {
        allowed: key.policy.models.allowed && [...key.policy.models.allowed],
        denied: [...key.policy.models.denied],
      },
    },
    metadata: key.metadata,
    created_at: key.createdAt.toISOString(),
    expires_at: key.expiresAt?.toISOString() ?? null,
    last_used_at: lastUsedAt?.toISOString() ?? null,
    version: key.version,
  };
}

export function viewCallingKey(key: KeyResponse, usage: KeyUsageTotals): CallingKeyResponse {
  return {
    ...key,
    usage: {
      requests: usage.requests,
      input_tokens: usage.inputTokens,
      output_tokens: usage.outputTokens,
      cost: usdNumber(usage.costNanos),
    },
  };
}

export function viewRevokedKey(id: string, revokedAt: Date): RevokedKeyResponse {
  return { id, status: 'revoked', revoked: true, revoked_at: revokedAt.toISOString() };
}
