import type { Environment } from '#common/auth/principal.js';
import type { AccessLevel } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';

import type { KeyPolicy } from '../../domain/policy/key-policy.js';

const DAY_MS = 86_400_000;

/** What every key of an environment must keep to, whoever made it and when. */
export type EnvironmentRules = {
  /** It must have a list of networks that it may be used from. */
  readonly requireIpList: boolean;
  readonly requireExpiry: boolean;
  /** From when it was made to when it expires; `null`: any time, also for ever. */
  readonly maxLifetimeDays: number | null;
  readonly requireSignature: boolean;
  readonly requireApproval: boolean;
  /** Normalized CIDRs that its calls must come from, whatever its own list says; `null`: from anywhere. */
  readonly allowedNetworks: readonly string[] | null;
  readonly deniedNetworks: readonly string[];
};

export const NO_RULES: EnvironmentRules = {
  requireIpList: false,
  requireExpiry: false,
  maxLifetimeDays: null,
  requireSignature: false,
  requireApproval: false,
  allowedNetworks: null,
  deniedNetworks: [],
};

/** What the rules look at. Times in milliseconds since the epoch. */
export type RuledKey = {
  readonly environment: Environment;
  readonly accessLevel: AccessLevel | null;
  readonly policy: KeyPolicy;
  readonly createdAt: number;
  readonly expiresAt: number | null;
};

type RuleName = 'require_ip_list' | 'require_expiry' | 'max_lifetime_days' | 'require_signature';
type BrokenRule = {
  readonly rule: RuleName;
  /** The field of the key that breaks it. */
  readonly param: string;
  readonly message: string;
};

/** A master key is the installation’s: no organization’s rules may lock its operator out. */
export function isRuled({ accessLevel }: Pick<RuledKey, 'accessLevel'>): boolean {
  return accessLevel !== 'master';
}

/** The rules that a key of the environment breaks by what it is, wherever it is used. */
export function brokenRules(rules: EnvironmentRules, key: RuledKey): BrokenRule[] {
  if (!isRuled(key)) return [];
  const { requireIpList, requireExpiry, maxLifetimeDays: days, requireSignature } = rules;
  const { policy, createdAt, expiresAt, environment } = key;
  const broken: BrokenRule[] = [];
  const breaks = (rule: RuleName, param: string, must: string): void => {
    const message = `By the rule ${rule} of its environment a ${environment} key must ${must}.`;
    broken.push({ rule, param, message });
  };
  if (requireIpList && policy.allowedNetworks === null) {
    const param = 'security.network_restrictions.ip_whitelist';
    breaks('require_ip_list', param, 'have a list of networks that it may be used from');
  }
  if (requireExpiry && expiresAt === null) breaks('require_expiry', 'expires_at', 'expire');
  if (days !== null && (expiresAt ?? Infinity) - createdAt > days * DAY_MS) {
    breaks('max_lifetime_days', 'expires_at', `expire at most ${days} days after it was made`);
  }
  if (requireSignature && !policy.requiresSignature) {
    const param = 'security.authentication.require_signature';
    breaks('require_signature', param, 'require signed requests');
  }
  return broken;
}

/**
 * @param before the key as it was; what it broke already it may go on breaking; `null` for a new one
 * @throws {AppError} `environment_rule_violated`
 */
export function assertRulesKept(
  rules: EnvironmentRules,
  after: RuledKey,
  before: RuledKey | null = null,
): void {
  const old = new Set(before && brokenRules(rules, before).map(({ rule }) => rule));
  const broken = brokenRules(rules, after).find(({ rule }) => !old.has(rule));
  if (!broken) return;
  const { rule, param, message } = broken;
  throw new AppError('environment_rule_violated', {
    message,
    param,
    details: { environment: after.environment, rule },
  });
}
