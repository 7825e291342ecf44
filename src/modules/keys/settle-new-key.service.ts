import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';

import { SettleBelongingService } from './belonging/settle-belonging.service.js';
import type { Belonging, KeyMember } from './domain/belonging.js';
import { type Grant, grantWithin, levelAndScopes, type RequestedGrant } from './domain/grant.js';
import { futureTime } from './domain/key-times.js';
import type { KeyView } from './domain/key-view.js';
import type { SourcedPolicy } from './domain/policy/policy-within.js';
import { readPolicy } from './domain/policy/read-policy.js';
import type { CreateKeyDto } from './dto/create-key.dto.js';
import { ReadEnvironmentsService } from './environments/read-environments.service.js';

/** All that is decided of a key before it is made. */
type SettledKey = {
  readonly grant: Grant;
  readonly belonging: Belonging;
  readonly members: readonly KeyMember[];
};

@Injectable()
export class SettleNewKeyService {
  constructor(
    private readonly environments: ReadEnvironmentsService,
    private readonly belongings: SettleBelongingService,
    private readonly clock: Clock,
  ) {}

  /**
   * What a key gets of what is asked for, within what `creator` may do itself.
   * @param inherited its policy where that is worked out already, from templates and the defaults of its environment
   * @throws {AppError} `escalation_denied`, `environment_rule_violated`, `invalid_request`
   */
  async settle(
    creator: KeyView,
    dto: CreateKeyDto,
    inherited: SourcedPolicy | null,
  ): Promise<SettledKey> {
    const grant = inherited
      ? {
          ...grantWithin(creator, requestedGrant(dto, this.clock.now())),
          policy: inherited.policy,
          policySources: inherited.sources,
        }
      : await this.#grantOf(creator, dto);
    await this.environments.assertKept(creator, { ...grant, createdAt: this.clock.now() });
    const belonging = await this.belongings.settle(creator, dto, null);
    await this.belongings.assertGrant(creator, belonging, grant);
    const members = await this.belongings.members(creator, dto);
    return { grant, belonging, members: members ?? [] };
  }

  async #grantOf(creator: KeyView, dto: CreateKeyDto): Promise<Grant> {
    const requested = requestedGrant(dto, this.clock.now());
    const defaults = await this.environments.defaultsFor(creator, requested.environment);
    return grantWithin(creator, requested, defaults);
  }
}

function requestedGrant(dto: CreateKeyDto, now: number): RequestedGrant {
  if (dto.access_level !== undefined && dto.scopes !== undefined) {
    throw levelAndScopes();
  }
  return {
    accessLevel: dto.access_level ?? null,
    scopes: dto.scopes ?? null,
    environment: dto.environment,
    policy: readPolicy(dto),
    expiresAt: dto.expires_at ? futureTime(dto.expires_at, 'expires_at', now).getTime() : null,
  };
}
