import { Injectable } from '@nestjs/common';

import { type Environment, ENVIRONMENTS } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';

import type { KeyView } from '../domain/key-view.js';
import type { SourcedPolicy } from '../domain/policy/policy-within.js';
import { startWithin } from './domain/environment-defaults.js';
import { assertRulesKept, type RuledKey } from './domain/environment-rules.js';
import type { EnvironmentSettings } from './environment-settings.js';
import { EnvironmentSettingsRepository } from './environment-settings.repository.js';

@Injectable()
export class ReadEnvironmentsService {
  constructor(private readonly settings: EnvironmentSettingsRepository) {}

  list({ organizationId }: KeyView): Promise<EnvironmentSettings[]> {
    return this.settings.list(organizationId);
  }

  /** @throws {AppError} `not_found` */
  get({ organizationId }: KeyView, name: string): Promise<EnvironmentSettings> {
    return this.settings.find(organizationId, environmentOf(name));
  }

  /**
   * What a new key of the environment starts with that `creator` makes; `null` where there are no defaults.
   * @throws {AppError} `invalid_request` where they and the creator's policy together have more items than fit
   */
  async defaultsFor(
    { organizationId, policy }: KeyView,
    environment: Environment,
  ): Promise<SourcedPolicy | null> {
    const { defaults } = await this.settings.find(organizationId, environment);
    if (Object.keys(defaults).length === 0) return null;
    return startWithin(policy, defaults);
  }

  /** @throws {AppError} `environment_rule_violated` for a new key that would break a rule */
  async assertKept({ organizationId }: KeyView, key: RuledKey): Promise<void> {
    const { rules } = await this.settings.find(organizationId, key.environment);
    assertRulesKept(rules, key);
  }
}

/** @throws {AppError} `not_found` */
export function environmentOf(name: string): Environment {
  const known = ENVIRONMENTS.find((environment) => environment === name);
  if (known) return known;
  throw new AppError('not_found', {
    message: `There is no environment ${name}, only ${ENVIRONMENTS.join(', ')}.`,
  });
}
