import { Injectable } from '@nestjs/common';

import type { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { isGiven } from '#common/validation/given.js';

import type { ApiKeyEntity } from './api-key.entity.js';
import { SettleBelongingService } from './belonging/settle-belonging.service.js';
import { grantOf } from './changeable-key.js';
import { assertGrantWithin, type Grant, levelAndScopes } from './domain/grant.js';
import { futureTime } from './domain/key-times.js';
import type { KeyView } from './domain/key-view.js';
import { toPolicyDocument } from './domain/policy/policy-document.js';
import type { UpdateKeyDto } from './dto/change-key.dto.js';
import { SigningSecrets } from './signing-secrets.js';
import { InheritedPolicies } from './templates/inherited-policies.service.js';
import type { KeyChanges } from './write-key.service.js';

/** What a change would make of a key. */
export type KeyPlan = {
  readonly changes: KeyChanges;
  /** What the key may do then. */
  readonly grant: Grant;
  /** Where the key signs from then on. */
  readonly signingSecret: Secret | null;
  /** Writes which template the key is made from then, beside {@link changes}. */
  readonly tie: () => Promise<void>;
};

type Belonged = 'type' | 'teamId' | 'projectIds' | 'ownerId' | 'serviceAccountId';
type Regranted = Omit<KeyPlan, 'changes'> & { readonly changes: Partial<ApiKeyEntity> };

/** Works out what changing a key would make of it, and whether that is the changer's to do. Writes nothing. */
@Injectable()
export class PlanKeyChangeService {
  constructor(
    private readonly belongings: SettleBelongingService,
    private readonly inherited: InheritedPolicies,
    private readonly signingSecrets: SigningSecrets,
    private readonly clock: Clock,
  ) {}

  /**
   * In the transaction that has locked the key. Whoever changes rights holds the templates still before that.
   * @throws {AppError} `escalation_denied`, `invalid_request`, `not_found` of a template
   */
  async plan(caller: KeyView, key: ApiKeyEntity, dto: UpdateKeyDto): Promise<KeyPlan> {
    const rights = changesRights(dto) ? await this.#regrant(caller, key, dto) : unchanged(key);
    const belonging = await this.#rebelong(caller, key, dto);
    const after = { ...key, ...rights.changes, ...belonging };
    if (changesScopes(dto) || after.serviceAccountId !== key.serviceAccountId) {
      await this.belongings.assertGrant(caller, after, after);
    }
    const changes = {
      ...(isGiven(dto.name) && { name: dto.name }),
      ...(isGiven(dto.metadata) && { metadata: dto.metadata }),
      ...rights.changes,
      ...belonging,
    };
    return { ...rights, changes };
  }

  /** Until the caller's transaction ends. It goes before every lock on a key. */
  async holdStill(organizationId: string, dto: UpdateKeyDto): Promise<void> {
    if (changesRights(dto)) await this.inherited.holdStill(organizationId);
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

  async #regrant(caller: KeyView, key: ApiKeyEntity, dto: UpdateKeyDto): Promise<Regranted> {
    const { expires_at: expiresAt, access_level: accessLevel, scopes } = dto;
    if (isGiven(accessLevel) && isGiven(scopes)) throw levelAndScopes();
    const { grant, tie } = await this.inherited.regrant(caller, key, {
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
    return { changes, grant, signingSecret, tie };
  }
}

function unchanged(key: ApiKeyEntity): Regranted {
  return {
    changes: {},
    grant: grantOf(key),
    signingSecret: null,
    tie: () => Promise.resolve(),
  };
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
