import type { ApiKeySecretEntity } from '../api-key-secret.entity.js';
import type { RotationSecretResponse, RotationState } from './dto/rotation-secret.response.js';

export type SecretsView = {
  readonly state: RotationState;
  /** When the last of the old secrets ends; `null` where there are none. */
  readonly old_key_expires_at: string | null;
  readonly secrets: RotationSecretResponse[];
};

/**
 * How far a key's rotation has come. Shown are the secrets that are good at `now` and the one that ended last, the newest
 * first.
 */
export function viewSecrets(secrets: readonly ApiKeySecretEntity[], now: number): SecretsView {
  const ended = secrets.filter((one) => stateOf(one, now) === 'ended');
  const last = ended.toSorted((one, other) => endMs(other) - endMs(one))[0];
  const shown = secrets
    .filter((one) => one === last || stateOf(one, now) !== 'ended')
    .toSorted((one, other) => other.createdAt.getTime() - one.createdAt.getTime());
  const states = new Set(shown.map((one) => stateOf(one, now)));
  const ends = shown.filter((one) => stateOf(one, now) === 'retiring').map(endMs);
  return {
    state: states.has('waiting')
      ? 'waiting_for_claim'
      : states.has('retiring')
        ? 'overlapping'
        : 'idle',
    old_key_expires_at: ends.length === 0 ? null : new Date(Math.max(...ends)).toISOString(),
    secrets: shown.map((one) => viewSecret(one, now)),
  };
}

function viewSecret(secret: ApiKeySecretEntity, now: number): RotationSecretResponse {
  return {
    id: secret.id,
    prefix: secret.prefix,
    last_four: secret.lastFour,
    state: stateOf(secret, now),
    created_at: secret.createdAt.toISOString(),
    expires_at: secret.expiresAt?.toISOString() ?? null,
    claimed_at: secret.claimedAt?.toISOString() ?? null,
    last_used_at: secret.lastUsedAt?.toISOString() ?? null,
    last_used_address: secret.lastUsedAddress,
    last_used_agent: secret.lastUsedAgent,
  };
}

function stateOf(secret: ApiKeySecretEntity, now: number): RotationSecretResponse['state'] {
  if (secret.expiresAt !== null) return endMs(secret) <= now ? 'ended' : 'retiring';
  return secret.sealed === null ? 'current' : 'waiting';
}

function endMs({ expiresAt }: ApiKeySecretEntity): number {
  return expiresAt?.getTime() ?? Infinity;
}
