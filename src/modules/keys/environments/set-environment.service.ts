import { Injectable } from '@nestjs/common';

import type { Environment } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { isGiven } from '#common/validation/given.js';
import { assertMatches } from '#common/validation/if-match.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { assertReachesAll } from '../domain/key-reach.js';
import type { KeyView } from '../domain/key-view.js';
import { POLICY_PARTS, type PolicyInput } from '../domain/policy/read-policy.js';
import { readDefaults } from './domain/environment-defaults.js';
import type { SetEnvironmentDto } from './dto/environment.dto.js';
import type { EnvironmentSettings } from './environment-settings.js';
import { EnvironmentSettingsRepository } from './environment-settings.repository.js';

/** Says what the keys of an environment start with. */
@Injectable()
export class SetEnvironmentService {
  constructor(
    private readonly settings: EnvironmentSettingsRepository,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /**
   * Replaces all that was said before.
   * @param ifMatch the versions that the change is meant for (`If-Match`); `null` for any
   * @throws {AppError} `escalation_denied` for a default that the caller has not itself, or of a test key for live ones;
   *   `operation_not_allowed` for who reaches only some keys; `precondition_failed`, `invalid_request`
   */
  async set(
    caller: KeyView,
    environment: Environment,
    dto: SetEnvironmentDto,
    ifMatch: string | null,
  ): Promise<EnvironmentSettings> {
    const { organizationId } = caller;
    assertReachesAll(caller, 'Ask whoever manages all of them.');
    assertOfClass(caller, environment);
    const defaults = readDefaults(caller.policy, partsOf(dto));
    return this.transactions.run(async () => {
      await this.settings.holdForChange(organizationId);
      const current = await this.settings.find(organizationId, environment);
      if (ifMatch !== null) assertMatches(ifMatch, 'environment', current.version);
      const next: EnvironmentSettings = {
        ...current,
        defaults,
        version: current.version + 1,
        updatedBy: caller.keyId,
        updatedAt: new Date(this.clock.now()),
      };
      await this.settings.put(next);
      return next;
    });
  }
}

/** As with keys: a test key has no say in live ones. */
function assertOfClass({ isTest }: KeyView, environment: Environment): void {
  if (!isTest || environment !== 'production') return;
  throw new AppError('escalation_denied', {
    message: 'A test key has no say in production: use a live key.',
    param: 'environment',
  });
}

function partsOf(dto: SetEnvironmentDto): PolicyInput {
  const { defaults } = dto;
  const given = POLICY_PARTS.filter((part) => isGiven(defaults?.[part]));
  return Object.fromEntries(given.map((part) => [part, defaults?.[part]]));
}
