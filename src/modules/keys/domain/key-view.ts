import { createSecretKey, type KeyObject } from 'node:crypto';

import type { Environment, Principal } from '#common/auth/principal.js';
import { type AccessLevel, type Scope, scopeMask } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';
import type { Secret } from '#common/secret/secret.js';

import { type Belonging, isHolderGone, type Standing, STANDING_MESSAGES } from './belonging.js';
import { brokenRules, type EnvironmentRules } from '../environments/domain/environment-rules.js';
import { type CallLimits, compileCallLimits } from './call-limits.js';
import { ALL_FEATURES, type FeatureMask, featureMask } from './features.js';
import { compileNames, type NameMatcher } from './matching/names.js';
import { outputLimits } from './output-limits.js';
import type { KeyPolicy } from './policy/key-policy.js';
import { WITHOUT_DATA_RIGHTS } from './policy/policy-fields.js';
import { assertPolicyWithin } from './policy/policy-within.js';
import { type HeaderLine, retirementHeaders } from './retirement-headers.js';
import { type CompiledRule, compileRules } from './rules.js';

/** A key as PostgreSQL has it, with the secret that was presented. Times in milliseconds since the epoch. */
export type KeyRecord = {
  readonly keyId: string;
  readonly organizationId: string;
  readonly userId: string | null;
  readonly serviceAccountId: string | null;
  readonly role: string | null;
  readonly teamId: Belonging['teamId'];
  readonly projectIds: Belonging['projectIds'];
  /** `null`: nothing that it belongs to is suspended, or gone. */
  readonly standing: Standing | null;
  readonly environment: Environment;
  /** That its organization has set for its environment; absent: none bind it. */
  readonly environmentRules?: {
    readonly rules: EnvironmentRules;
    readonly createdAt: number;
  } | null;
  readonly accessLevel: AccessLevel | null;
  readonly scopes: readonly Scope[];
  readonly policy: KeyPolicy;
  readonly expiresAt: number | null;
  /** From then on it is disabled, until `enableAt` where that is given. */
  readonly disabledAt: number | null;
  readonly enableAt: number | null;
  readonly revokedAt: number | null;
  readonly awaitsApproval: boolean;
  readonly secretId: string;
  readonly secretExpiresAt: number | null;
  /** When another secret took its place; `null` for the current one. */
  readonly secretRetiredAt: number | null;
  readonly signingSecret: Secret | null;
};

/** What a key’s requests must be signed with, and how. */
export type SigningRules = {
  /** HMAC key; `null` where it is lost, and nothing can be signed until there is another. */
  readonly key: KeyObject | null;
  /** How far the signature’s time may be from ours, either way; `null` where it needs none. */
  readonly maxAgeMs: number | null;
  readonly requiresNonce: boolean;
};

/**
 * All that a request's decision needs of its key, compiled once and then only read: no I/O, no parsing, no allocation
 * on the way of a request.
 */
export type KeyView = Principal & {
  /** Of the secret that was presented: `sec_…`, no secret itself. */
  readonly secretId: string;
  /** What answers to that secret say of its having been replaced; `null` for the current one. */
  readonly retirement: readonly HeaderLine[] | null;
  readonly teamId: Belonging['teamId'];
  /** Empty: of none in particular. */
  readonly projectIds: Belonging['projectIds'];
  readonly environment: Environment;
  /** `test` keys are answered by the sandbox. */
  readonly isTest: boolean;
  readonly isReadOnly: boolean;
  /** `-Infinity` where it is not disabled. */
  readonly disabledUntil: number;
  /** What to say of its being disabled, where that is not its own doing. */
  readonly suspension: string | null;
  /** `null`: none bind it. */
  readonly environmentRules: EnvironmentRules | null;
  /** Which of them it breaks by what it is; `null`: none. */
  readonly brokenRule: string | null;
  readonly policy: KeyPolicy;
  readonly expiresAt: number;
  readonly revokedAt: number;
  /** Whether nobody has approved it yet. */
  readonly awaitsApproval: boolean;
  /** Those of its policy's rules that can refuse anything, in the order in which a refusal is reported. */
  readonly rules: readonly CompiledRule[];
  /** Whether a rule looks at every model that a request names. */
  readonly restrictsModels: boolean;
  /** Whether any rule looks at who calls from where: else nothing of that need be found out. */
  readonly restrictsClient: boolean;
  /** What a request must not make use of. */
  readonly deniedFeatures: FeatureMask;
  /** Output tokens that a request may ask of the model, `null` for as many as it likes. */
  readonly outputLimitOf: (model: string) => number | null;
  /** `null`: any provider. */
  readonly allowsProvider: NameMatcher | null;
  /** `null`: requests need no signature. */
  readonly signing: SigningRules | null;
  /** What its calls may use up. */
  readonly limits: CallLimits;
  /** Which bodies of its calls are kept; `null`: none. */
  readonly keptBodies: KeptBodies | null;
};

export type KeptBodies = { readonly request: boolean; readonly response: boolean };

const NEVER = Number.POSITIVE_INFINITY;

export function compileKeyView(record: KeyRecord): KeyView {
  const { policy } = record;
  const outputLimitOf = compileOutputLimits(policy);
  const compiled = {
    deniedFeatures: deniedFeatures(policy),
    outputLimitOf,
    allowsModel: compileModels(policy),
    environmentRules: record.environmentRules?.rules ?? null,
  };
  const rules = compileRules(policy, compiled);
  const expiresAt = Math.min(record.expiresAt ?? NEVER, record.secretExpiresAt ?? NEVER);
  return {
    keyId: record.keyId,
    organizationId: record.organizationId,
    userId: record.userId,
    serviceAccountId: record.serviceAccountId,
    role: record.role,
    teamId: record.teamId,
    projectIds: record.projectIds,
    secretId: record.secretId,
    retirement: compileRetirement(record, expiresAt),
    environment: record.environment,
    accessLevel: record.accessLevel,
    scopeMask: scopeMask(record.scopes),
    isTest: record.environment !== 'production',
    isBounded: isBounded(record, expiresAt),
    isReadOnly: record.accessLevel === 'read_only',
    ...compileStanding(record),
    brokenRule: compileBrokenRule(record),
    awaitsApproval: record.awaitsApproval,
    policy,
    expiresAt,
    ...compiled,
    rules,
    restrictsModels: rules.some(({ name }) => name === 'model'),
    restrictsClient: rules.some(({ isOfClient }) => isOfClient),
    allowsProvider: compileProviders(policy),
    signing: compileSigning(record),
    limits: compileCallLimits(record),
    keptBodies: compileKeptBodies(policy),
    auditedRequests: auditedRequests(policy),
    isWatched: policy.alertsOnSuspicious,
  };
}

/** Here, so that nothing is asked of a request that was not asked before. */
function compileStanding({
  standing,
  disabledAt,
  enableAt,
  revokedAt,
}: KeyRecord): Pick<KeyView, 'disabledUntil' | 'suspension' | 'revokedAt'> {
  const own = {
    disabledUntil: disabledAt === null ? -NEVER : (enableAt ?? NEVER),
    suspension: null,
    revokedAt: revokedAt ?? NEVER,
  };
  if (standing === null) return own;
  if (isHolderGone(standing)) return { ...own, revokedAt: -NEVER };
  return { ...own, disabledUntil: NEVER, suspension: STANDING_MESSAGES[standing] };
}

function compileBrokenRule({ environmentRules, ...key }: KeyRecord): string | null {
  if (!environmentRules) return null;
  const { rules, createdAt } = environmentRules;
  return brokenRules(rules, { ...key, createdAt })[0]?.message ?? null;
}

function isBounded(
  { environment, teamId, projectIds, policy }: KeyRecord,
  expiresAt: number,
): boolean {
  const isTest = environment !== 'production';
  return (
    isTest || teamId !== null || projectIds.length > 0 || expiresAt !== NEVER || restricts(policy)
  );
}

/** Whether there is anything that it does not allow, besides rights over data, which nobody has without being given them. */
function restricts(policy: KeyPolicy): boolean {
  try {
    assertPolicyWithin(policy, WITHOUT_DATA_RIGHTS);
    return false;
  } catch (error) {
    if (error instanceof AppError) return true;
    throw error;
  }
}

function compileRetirement(
  { keyId, secretRetiredAt: retiredAt, revokedAt }: KeyRecord,
  expiresAt: number,
): readonly HeaderLine[] | null {
  if (retiredAt === null) return null;
  return retirementHeaders({ keyId, retiredAt, endsAt: Math.min(expiresAt, revokedAt ?? NEVER) });
}

function auditedRequests(policy: KeyPolicy): KeyView['auditedRequests'] {
  if (policy.logsAllRequests) return 'all';
  return policy.logsFailures ? 'failures' : null;
}

function compileKeptBodies({ logsRequests, logsResponses }: KeyPolicy): KeptBodies | null {
  if (logsRequests !== true && logsResponses !== true) return null;
  return { request: logsRequests === true, response: logsResponses === true };
}

function compileSigning({ policy, signingSecret }: KeyRecord): SigningRules | null {
  if (!policy.requiresSignature) return null;
  const { requiresTimestamp, maxTimestampAge, requiresNonce } = policy;
  return {
    key: signingSecret && createSecretKey(signingSecret.reveal(), 'utf8'),
    maxAgeMs: requiresTimestamp ? (maxTimestampAge ?? 0) * 1_000 : null,
    requiresNonce,
  };
}

function compileModels({ allowedModels, deniedModels }: KeyPolicy): NameMatcher {
  const isAllowed = allowedModels === null ? () => true : compileNames(allowedModels);
  const isDenied = compileNames(deniedModels);
  return rememberLast((model) => !isDenied(model) && isAllowed(model));
}

/** Nearly all calls of a key name the same model. */
function rememberLast<Answer>(answerOf: (name: string) => Answer): (name: string) => Answer {
  let last: { readonly name: string; readonly answer: Answer } | null = null;
  return (name) => {
    if (last?.name !== name) last = { name, answer: answerOf(name) };
    return last.answer;
  };
}

function deniedFeatures({ allowedFeatures, deniedFeatures: denied }: KeyPolicy): FeatureMask {
  const allowed = allowedFeatures === null ? ALL_FEATURES : featureMask(allowedFeatures);
  return (ALL_FEATURES & ~allowed) | featureMask(denied);
}

function compileOutputLimits(policy: KeyPolicy): (model: string) => number | null {
  const limits = outputLimits(policy).map(({ pattern, max }) => ({
    matches: compileNames([pattern]),
    max,
  }));
  if (limits.length === 0) return () => null;
  return rememberLast((model) => {
    let least = NEVER;
    for (const { matches, max } of limits) if (max < least && matches(model)) least = max;
    return least === NEVER ? null : least;
  });
}

function compileProviders({ allowedProviders, forcedProvider }: KeyPolicy): NameMatcher | null {
  if (allowedProviders === null && forcedProvider === null) return null;
  return (name) => (allowedProviders?.includes(name) ?? true) && (forcedProvider ?? name) === name;
}
