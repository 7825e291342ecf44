import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import type { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { isGiven } from '#common/validation/given.js';
import { assertMatches } from '#common/validation/if-match.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ApiKeyEntity } from './api-key.entity.js';
import { assertNotRevoked, grantOf } from './changeable-key.js';
import { SettleBelongingService } from './belonging/settle-belonging.service.js';
import { ChangeableKeys, type KeyChanges } from './changeable-keys.js';
import { assertGrantWithin, levelAndScopes } from './domain/grant.js';
import { futureTime, timeOf } from './domain/key-times.js';
import type { KeyView } from './domain/key-view.js';
import { toPolicyDocument } from './domain/policy/policy-document.js';
import { SigningSecrets } from './signing-secrets.js';
import type { DisableKeyDto, UpdateKeyDto } from './dto/change-key.dto.js';
import { InheritedPolicies } from './templates/inherited-policies.service.js';

type Belonged = 'type' | 'teamId' | 'projectIds' | 'ownerId' | 'serviceAccountId';

/** Changes of a key that exists. Each takes effect here at once and everywhere within a second. */
@Injectable()
export class ChangeKeyService {
  constructor(
    private readonly keys: ChangeableKeys,
    private readonly belongings: SettleBelongingService,
    private readonly inherited: InheritedPolicies,
    private readonly transactions: TransactionRunner,
    private readonly signingSecrets: SigningSecrets,
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
    await this.transactions.run(async () => {
      if (changesRights(dto)) await this.inherited.holdStill(caller.organizationId);
      await this.keys.change(caller, keyId, async (key) => {
        if (ifMatch !== null) assertMatches(ifMatch, 'key', key.version);
        assertNotRevoked(key, this.clock.now());
        const rights = changesRights(dto) ? await this.#regrant(caller, key, dto) : null;
        signingSecret = rights?.signingSecret ?? null;
        const belonging = await this.#rebelong(caller, key, dto);
        const after = { ...key, ...rights?.changes, ...belonging };
        if (changesScopes(dto) || after.serviceAccountId !== key.serviceAccountId) {
          await this.belongings.assertGrant(caller, after, after);
        }
        return {
          ...(isGiven(dto.name) && { name: dto.name }),
          ...(isGiven(dto.metadata) && { metadata: dto.metadata }),
          ...rights?.changes,
          ...belonging,
        };
      });
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

  async #rebelong(
    caller: KeyView,
    key: ApiKeyEntity,
    dto: UpdateKeyDto,
  ): Promise<Pick<KeyChanges, Belonged | 'members'>> {
    const members = await this.belongings.members(caller, dto);
    if (!isGiven(dto.type) && !isGiven(dto.scope)) return members ? { members } : {};
    // Else a key could be brought to where it may be used, or reaches, more.
    assertGrantWithin(caller, grantOf(key));
    const { projectIds, ...belonging } = await this.belongings.settle(caller, dto, key);
    return { ...belonging, projectIds: [...projectIds], ...(members && { members }) };
  }

  async #regrant(
    caller: KeyView,
    key: ApiKeyEntity,
    dto: UpdateKeyDto,
  ): Promise<{ changes: Partial<ApiKeyEntity>; signingSecret: Secret | null }> {
    const { expires_at: expiresAt, access_level: accessLevel, scopes } = dto;
    if (isGiven(accessLevel) && isGiven(scopes)) throw levelAndScopes();
    const grant = await this.inherited.regrant(caller, key, {
      ...(isGiven(accessLevel) && { accessLevel }),
      ...(isGiven(scopes) && { scopes }),
      policy: dto,
      ...(expiresAt !== undefined && {
        expiresAt: expiresAt && futureTime(expiresAt, 'expires_at', this.clock.now()).getTime(),
      }),
    });
    const { signingSecret, ...signing } = this.signingSecrets.afterChange(
      key,
      grant.policy.requiresSignature,
    );
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
}

function changesScopes({ access_level: accessLevel, scopes }: UpdateKeyDto): boolean {
  return isGiven(accessLevel) || isGiven(scopes);
}

function changesRights(dto: UpdateKeyDto): boolean {
  const { permissions, restrictions, rate_limits, security, expires_at } = dto;
  // Of these `null` means something: as the changing key's.
  const replaced = [permissions, restrictions, rate_limits, security, expires_at];
  return changesScopes(dto) || replaced.some((part) => part !== undefined);
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
