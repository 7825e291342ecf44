import { Injectable } from '@nestjs/common';

import type { Environment } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { normalizeCidr } from '#common/net/cidr.js';
import { isGiven } from '#common/validation/given.js';
import { assertMatches } from '#common/validation/if-match.js';
import { type AuditFacts, AuditTrail, changed } from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventBus } from '#platform/events/event-bus.js';

import { assertReachesAll, wholeOrganization } from '../domain/key-reach.js';
import type { KeyView } from '../domain/key-view.js';
import { POLICY_PARTS, type PolicyInput } from '../domain/policy/read-policy.js';
import { ApiKeyRepository } from '../api-key.repository.js';
import { ruledKeyOf } from '../changeable-key.js';
import { readDefaults } from './domain/environment-defaults.js';
import { brokenRules, type EnvironmentRules } from './domain/environment-rules.js';
import type { EnvironmentRulesDto, SetEnvironmentDto } from './dto/environment.dto.js';
import type { EnvironmentSettings } from './environment-settings.js';
import { viewEnvironment } from './environment.view.js';
import { EnvironmentSettingsRepository } from './environment-settings.repository.js';

/** Says what the keys of an environment start with. */
@Injectable()
export class SetEnvironmentService {
  constructor(
    private readonly settings: EnvironmentSettingsRepository,
    private readonly keys: ApiKeyRepository,
    private readonly events: EventBus,
    private readonly trail: AuditTrail,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /**
   * Replaces all that was said before.
   * @param ifMatch the versions that the change is meant for (`If-Match`); `null` for any
   * @throws {AppError} `escalation_denied` for a default that the caller has not itself, or of a test key for live ones;
   *   `operation_not_allowed` for who reaches only some keys; `conflict` for rules that the calling key
   *   breaks itself; `precondition_failed`, `invalid_request`
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
    const rules = readRules(dto.rules ?? {});
    return this.transactions.run(async () => {
      await this.settings.holdForChange(organizationId);
      await this.#assertKeptBy(caller, environment, rules);
      const current = await this.settings.find(organizationId, environment);
      if (ifMatch !== null) assertMatches(ifMatch, 'environment', current.version);
      const next: EnvironmentSettings = {
        ...current,
        defaults,
        rules,
        version: current.version + 1,
        updatedBy: caller.keyId,
        updatedAt: new Date(this.clock.now()),
      };
      await this.settings.put(next);
      await this.#record(current, next);
      this.events.emit('keys.rules-changed', { organizationId });
      return next;
    });
  }

  async #record(before: EnvironmentSettings, after: EnvironmentSettings): Promise<void> {
    const { organizationId, environment } = after;
    await this.trail.append({
      organizationId,
      action: 'environment.updated',
      target: { type: 'environment', id: environment },
      ...changed(factsOf(before), factsOf(after)),
    });
  }

  /** Else somebody could lock himself out, who could then not take it back. Who has a session has no key to break any. */
  async #assertKeptBy(
    { organizationId, keyId, role }: KeyView,
    environment: Environment,
    rules: EnvironmentRules,
  ): Promise<void> {
    if (role !== null) return;
    const [key] = await this.keys.findAll(wholeOrganization(organizationId), [keyId]);
    if (key?.environment !== environment) return;
    const [broken] = brokenRules(rules, ruledKeyOf(key));
    if (!broken) return;
    throw new AppError('conflict', {
      message: `The key that you call with would be refused from now on. ${broken.message}`,
      param: `rules.${broken.rule}`,
    });
  }
}

/** As the API shows it, but for what the entry says itself. */
function factsOf(settings: EnvironmentSettings): AuditFacts {
  const { defaults, rules, version } = viewEnvironment(settings);
  return { defaults, rules, version };
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

/** @throws {AppError} `invalid_request` */
function readRules(dto: EnvironmentRulesDto): EnvironmentRules {
  return {
    requireIpList: dto.require_ip_list ?? false,
    requireExpiry: dto.require_expiry ?? false,
    maxLifetimeDays: dto.max_lifetime_days ?? null,
    requireSignature: dto.require_signature ?? false,
    requireApproval: dto.require_approval ?? false,
    allowedNetworks: dto.allowed_networks ? readNetworks(dto, 'allowed_networks') : null,
    deniedNetworks: readNetworks(dto, 'denied_networks'),
  };
}

function readNetworks(
  dto: EnvironmentRulesDto,
  name: 'allowed_networks' | 'denied_networks',
): string[] {
  const networks = (dto[name] ?? []).map((text) => {
    const network = normalizeCidr(text);
    if (network !== null) return network;
    const param = `rules.${name}`;
    const message = `${param} must hold addresses and CIDRs such as 203.0.113.0/24, not ${text}.`;
    throw new AppError('invalid_request', { message, param });
  });
  return [...new Set(networks)];
}
