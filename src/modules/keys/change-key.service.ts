import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import type { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { isGiven } from '#common/validation/given.js';
import { assertMatches } from '#common/validation/if-match.js';
import { KeyBudgets } from '#modules/limits/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ApiKeyEntity } from './api-key.entity.js';
import { assertNotRevoked, grantOf, isRevoked } from './changeable-key.js';
import { SettleBelongingService } from './belonging/settle-belonging.service.js';
import { ChangeableKeys, type KeyChanges } from './changeable-keys.js';
import { assertGrantWithin, levelAndScopes, regrantWithin } from './domain/grant.js';
import { futureTime, timeOf } from './domain/key-times.js';
import type { KeyView } from './domain/key-view.js';
import { toPolicyDocument } from './domain/policy/policy-document.js';
import { readPolicy } from './domain/policy/read-policy.js';
import { SigningSecrets } from './signing-secrets.js';
import type { DisableKeyDto, RevokeKeyDto, UpdateKeyDto } from './dto/change-key.dto.js';

const DEFAULT_REVOKE_AFTER = '24h';

/** Changes of a key that exists. Each takes effect here at once and everywhere within a second. */
@Injectable()
export class ChangeKeyService {
  constructor(
    private readonly keys: ChangeableKeys,
    private readonly belongings: SettleBelongingService,
    private readonly transactions: TransactionRunner,
    private readonly signingSecrets: SigningSecrets,
    private readonly budgets: KeyBudgets,
    private readonly clock: Clock,
  ) {}

  /**
   * Changes the fields that are given.
   * @param ifMatch the versions that the change is meant for (`If-Match`); `null` for any
   * @returns the signing secret where the change makes the key sign from now on, to be shown this once
   * @throws {AppError} `not_found`, `precondition_failed`, `conflict` for a revoked key, `escalation_denied`
   */
  async update(
    caller: KeyView,
    keyId: string,
    dto: UpdateKeyDto,
    ifMatch: string | null,
  ): Promise<Secret | null> {
    let signingSecret: Secret | null = null;
    await this.keys.change(caller, keyId, async (key) => {
      if (ifMatch !== null) assertMatches(ifMatch, 'key', key.version);
      assertNotRevoked(key, this.clock.now());
      const rights = changesRights(dto) ? this.#regrant(caller, key, dto) : null;
      signingSecret = rights?.signingSecret ?? null;
      return {
        ...(isGiven(dto.name) && { name: dto.name }),
        ...(isGiven(dto.metadata) && { metadata: dto.metadata }),
        ...rights?.changes,
        ...(await this.#rebelong(caller, key, dto)),
      };
    });
    return signingSecret;
  }

  /**
   * Gives a key that must sign another signing secret; the one it had is gone.
   * @throws {AppError} `not_found`, `conflict` for a key that is revoked or signs nothing, `escalation_denied`
   */
  async reissueSigningSecret(
    caller: KeyView,
    keyId: string,
  ): Promise<{ key: ApiKeyEntity; secret: Secret }> {
    const { secret, sealed } = this.signingSecrets.issue(keyId);
    const key = await this.keys.change(caller, keyId, (current) => {
      assertNotRevoked(current, this.clock.now());
      const grant = grantOf(current);
      assertGrantWithin(caller, grant);
      if (!grant.policy.requiresSignature) throw signsNothing(keyId);
      return { sealedSigningSecret: sealed };
    });
    return { key, secret };
  }

  /** @throws {AppError} `not_found`, `conflict` for a revoked key, `escalation_denied`, `invalid_request` */
  async disable(caller: KeyView, keyId: string, dto: DisableKeyDto): Promise<void> {
    const now = this.clock.now();
    const enableAt = isGiven(dto.auto_enable_after)
      ? timeOf(dto.auto_enable_after, 'auto_enable_after', now)
      : null;
    await this.keys.change(caller, keyId, (key) => {
      assertNotRevoked(key, now);
      // Else whoever may not enable a key could disable it once more, for a second.
      if (comesBackEarlier(key, enableAt, now)) assertGrantWithin(caller, grantOf(key));
      return { disabledAt: new Date(now), disabledReason: dto.reason ?? null, enableAt };
    });
  }

  /** @throws {AppError} `not_found`, `conflict` for a revoked key, `escalation_denied` where it may do more than the caller */
  async enable(caller: KeyView, keyId: string): Promise<void> {
    await this.keys.change(caller, keyId, (key) => {
      assertNotRevoked(key, this.clock.now());
      assertGrantWithin(caller, grantOf(key));
      return key.disabledAt ? { disabledAt: null, disabledReason: null, enableAt: null } : {};
    });
  }

  /**
   * Revokes a key for good, at once or at a time that is given. Of several times the earliest counts: no key may put off
   * that another, or itself, is revoked. Doing it again changes nothing and answers the first time. The budgets of a key
   * that is revoked by now are deleted with it.
   * @throws {AppError} `not_found`, `escalation_denied`, `invalid_request`
   */
  async revoke(caller: KeyView, keyId: string, dto: RevokeKeyDto): Promise<ApiKeyEntity> {
    const now = this.clock.now();
    const revokedAt = revocationTime(dto, now);
    return this.transactions.run(async () => {
      const revoked = await this.keys.change(caller, keyId, (key) =>
        key.revokedAt && key.revokedAt <= revokedAt
          ? {}
          : { revokedAt, revokedReason: dto.reason ?? null },
      );
      if (isRevoked(revoked, now)) await this.budgets.deleteOf(caller.organizationId, keyId);
      return revoked;
    });
  }

  async #rebelong(
    caller: KeyView,
    key: ApiKeyEntity,
    dto: UpdateKeyDto,
  ): Promise<Pick<KeyChanges, 'type' | 'teamId' | 'projectIds' | 'ownerId' | 'members'>> {
    const members = await this.belongings.members(caller, dto);
    if (!isGiven(dto.type) && !isGiven(dto.scope)) return members ? { members } : {};
    // Else a key could be brought to where it may be used, or reaches, more.
    assertGrantWithin(caller, grantOf(key));
    const { projectIds, ...belonging } = await this.belongings.settle(caller, dto, key);
    return { ...belonging, projectIds: [...projectIds], ...(members && { members }) };
  }

  #regrant(
    caller: KeyView,
    key: ApiKeyEntity,
    dto: UpdateKeyDto,
  ): { changes: Partial<ApiKeyEntity>; signingSecret: Secret | null } {
    const { expires_at: expiresAt, access_level: accessLevel, scopes } = dto;
    if (isGiven(accessLevel) && isGiven(scopes)) throw levelAndScopes();
    const grant = regrantWithin(caller, grantOf(key), {
      ...(isGiven(accessLevel) && { accessLevel }),
      ...(isGiven(scopes) && { scopes }),
      policy: readPolicy(dto),
      ...(expiresAt !== undefined && {
        expiresAt: expiresAt && futureTime(expiresAt, 'expires_at', this.clock.now()).getTime(),
      }),
    });
    const { signingSecret, ...signing } = this.#resign(key, grant.policy.requiresSignature);
    const changes = {
      accessLevel: grant.accessLevel,
      scopes: [...grant.scopes],
      policy: toPolicyDocument(grant.policy),
      policySources: grant.policySources,
      expiresAt: grant.expiresAt === null ? null : new Date(grant.expiresAt),
      ...signing,
    };
    return { changes, signingSecret };
  }

  /** A key has a signing secret exactly as long as it must sign. */
  #resign(
    { id, sealedSigningSecret }: ApiKeyEntity,
    mustSign: boolean,
  ): Pick<ApiKeyEntity, 'sealedSigningSecret'> & { signingSecret: Secret | null } {
    if (mustSign && sealedSigningSecret === null) {
      const { secret, sealed } = this.signingSecrets.issue(id);
      return { sealedSigningSecret: sealed, signingSecret: secret };
    }
    return { sealedSigningSecret: mustSign ? sealedSigningSecret : null, signingSecret: null };
  }
}

function changesRights(dto: UpdateKeyDto): boolean {
  const { access_level, scopes, permissions, restrictions, rate_limits, security, expires_at } =
    dto;
  // Of these `null` means something: as the changing key's.
  const replaced = [permissions, restrictions, rate_limits, security, expires_at];
  return isGiven(access_level) || isGiven(scopes) || replaced.some((part) => part !== undefined);
}

/** Whether the key is disabled, and would be so for a shorter time. `null`: for good. */
function comesBackEarlier(key: ApiKeyEntity, enableAt: Date | null, now: number): boolean {
  const { disabledAt, enableAt: planned } = key;
  if (!disabledAt || (planned && planned.getTime() <= now)) return false;
  return enableAt !== null && (planned === null || enableAt < planned);
}

function signsNothing(keyId: string): AppError {
  return new AppError('conflict', {
    message: `The key ${keyId} signs nothing: turn security.authentication.require_signature on first.`,
  });
}

function revocationTime(dto: RevokeKeyDto, now: number): Date {
  const { revoke_immediately: immediately, revoke_at: at, revoke_after: after } = dto;
  if (immediately !== false) {
    const param = isGiven(at) ? 'revoke_at' : isGiven(after) ? 'revoke_after' : null;
    if (param === null) return new Date(now);
    throw new AppError('invalid_request', {
      message: `${param} goes with revoke_immediately: false.`,
      param,
    });
  }
  if (isGiven(at) && isGiven(after)) {
    throw new AppError('invalid_request', {
      message: 'Give revoke_at or revoke_after, not both.',
      param: 'revoke_after',
    });
  }
  return isGiven(at)
    ? timeOf(at, 'revoke_at', now)
    : timeOf(after ?? DEFAULT_REVOKE_AFTER, 'revoke_after', now);
}
