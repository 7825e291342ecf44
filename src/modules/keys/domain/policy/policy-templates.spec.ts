import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { childOf, unlessRefused } from '../../../../../test/support/policies.js';
import { anyInput } from '../../../../../test/support/policy-arbitraries.js';
import { anyRequests, expectPolicyWithin } from '../../../../../test/support/policy-requests.js';
import { FEATURES } from '../features.js';
import type { KeyPolicy } from './key-policy.js';
import { toPolicyDocument } from './policy-document.js';
import {
  POLICY_FIELD_NAMES,
  POLICY_FIELDS,
  type PolicyFieldName,
  UNRESTRICTED_POLICY,
} from './policy-fields.js';
import { mergeOverrides, writeOverrides } from './policy-overrides.js';
import {
  addLevel,
  addStoredLevel,
  composeTemplates,
  inheritClamped,
  inheritWithin,
} from './policy-templates.js';
import type { SourcedPolicy } from './policy-within.js';
import { POLICY_PARTS, type PolicyInput, readPolicy, type RequestedPolicy } from './read-policy.js';

type Clamp = typeof inheritClamped;

const compose = (levels: readonly PolicyInput[]): SourcedPolicy =>
  composeTemplates(levels.map((input) => readPolicy(input)));

/** What a stored key gets of its templates as they are now. */
function reworked(
  bound: KeyPolicy,
  levels: readonly PolicyInput[],
  own: PolicyInput,
  clamp: Clamp,
): SourcedPolicy {
  return clamp(bound, addStoredLevel(compose(levels), readPolicy(own)));
}

/** As {@link reworked} for a new key. */
function created(
  creator: KeyPolicy,
  levels: readonly PolicyInput[],
  own: PolicyInput,
): SourcedPolicy {
  const overrides = readPolicy(own);
  return inheritWithin(creator, addLevel(compose(levels), overrides), overrides);
}

type Part = (typeof POLICY_PARTS)[number];

/** Of one of these parts only, or hardly any would fit each other. */
const anyOf = (parts: readonly Part[]): fc.Arbitrary<PolicyInput> =>
  fc
    .tuple(anyInput, fc.constantFrom(...parts))
    .map(([input, part]) => (input[part] === undefined ? {} : { [part]: input[part] }));
const anyPart = anyOf(POLICY_PARTS);
const threeLevels = (level: fc.Arbitrary<PolicyInput>): fc.Arbitrary<PolicyInput[]> =>
  fc.array(level, { minLength: 3, maxLength: 3 });
/** In lists of names no order means anything, and of features only what both lists let be used. */
function sorted({ policy }: SourcedPolicy): Record<string, unknown> {
  const { allowedFeatures: allowed, deniedFeatures: denied, ...others } = policy;
  const features = FEATURES.filter(
    (name) => (allowed?.includes(name) ?? true) && !denied.includes(name),
  );
  return Object.fromEntries(
    Object.entries({ ...others, features }).map(([name, value]) => [
      name,
      Array.isArray(value) ? (value as string[]).toSorted() : value,
    ]),
  );
}

/** That details are off of a signature that nobody requires says nothing now, but counts once one is required. */
function speaksOfNoSignature(below: SourcedPolicy, own: RequestedPolicy): boolean {
  const isOff = own.values.requiresTimestamp === false || own.values.requiresNonce === false;
  return isOff && !addLevel(below, own).policy.requiresSignature;
}

const anyLevels = threeLevels(anyPart);
const changesTo = (change: fc.Arbitrary<PolicyInput>): fc.Arbitrary<[number, PolicyInput][]> =>
  fc.array(fc.tuple(fc.nat(2), change), { minLength: 1, maxLength: 3 });

type Play = {
  readonly numRuns: number;
  readonly clamp?: Clamp;
  readonly make?: typeof created;
  /** Everything is of these parts, so that what meets is about the same more often. */
  readonly parts?: readonly Part[];
  /** Of what is drawn; another one each time unless said. */
  readonly seed?: number;
};

/** What was met while a property was held. */
type Met = {
  /** Requests that keys were allowed. */
  allowed: number;
  /** How often a key came to be by a change. */
  changes: number;
  /** Keys of which each of the three levels says something. */
  deep: number;
  /** Paths of fields that a key had of a template, of its own overrides, and of its creator. */
  readonly fields: Readonly<Record<'template' | 'key' | 'creator', Set<string>>>;
};

function meet({ fields }: Met, { sources }: SourcedPolicy): void {
  for (const [path, from] of Object.entries(sources)) {
    for (const source of from) if (source in fields) fields[source as 'key'].add(path);
  }
}

/** Makes keys from three levels of templates with overrides, then changes templates. */
function assertHeld({ numRuns, clamp = inheritClamped, make = created, parts, seed }: Play): Met {
  const fields = {
    template: new Set<string>(),
    key: new Set<string>(),
    creator: new Set<string>(),
  };
  const met: Met = { allowed: 0, changes: 0, deep: 0, fields };
  const level = parts ? anyOf(parts) : anyPart;
  const whole = parts ? level : fc.oneof(anyInput, anyPart);
  fc.assert(
    fc.property(
      whole,
      threeLevels(level),
      level,
      changesTo(whole),
      anyRequests,
      (ofCreator, levels, own, changes, place) => {
        const creator = childOf(UNRESTRICTED_POLICY, ofCreator);
        const first = creator && unlessRefused(() => make(creator, levels, own));
        fc.pre(first !== null);
        const bound = creator as KeyPolicy;
        met.allowed += expectPolicyWithin(bound, first.policy, place);
        meet(met, first);
        if (levels.every((one) => Object.keys(one).length > 0)) met.deep++;
        const now = [...levels];
        for (const [at, input] of changes) {
          if (!unlessRefused(() => addLevel(compose(now.slice(0, at)), readPolicy(input))))
            continue;
          now[at] = input;
          const next = reworked(bound, now, own, clamp);
          met.allowed += expectPolicyWithin(bound, next.policy, place);
          meet(met, next);
          met.changes++;
        }
      },
    ),
    // Which of several is the simplest failure matters to nobody where one is expected.
    {
      numRuns,
      maxSkipsPerRun: 1_000,
      endOnFailure: parts !== undefined,
      ...(seed !== undefined && { seed }),
    },
  );
  return met;
}

/** Fields of which no value allows more than another, each with why. */
const BOUNDS_NOTHING: Partial<Record<PolicyFieldName, string>> = {
  signatureAlgorithm: 'there is one so far',
  alertThreshold: 'says when somebody is told',
};

describe('a key that is made from templates', () => {
  it('may do nothing that its creator may not, however its templates are changed', () => {
    const { allowed, changes, deep } = assertHeld({ numRuns: 2_000 });
    expect(changes).toBeGreaterThan(2_000);
    expect(allowed).toBeGreaterThan(10_000);
    expect(deep).toBeGreaterThan(200);
  }, 300_000);

  it('has had each kind of field, a new one included, from everywhere that it can come from', () => {
    // Drawn in the same way each time: what is rare must not be missed by chance.
    const met = POLICY_PARTS.map(
      (part) => assertHeld({ numRuns: 400, parts: [part], seed: 1 }).fields,
    );
    for (const from of ['template', 'key', 'creator'] as const) {
      const seen = new Set(met.flatMap((fields) => [...fields[from]]));
      const missed = POLICY_FIELD_NAMES.filter((name) => !seen.has(POLICY_FIELDS[name].path));
      expect([from, ...missed]).toEqual([from]);
    }
  }, 300_000);

  it('is seen to do more where a bug does not clamp it', () => {
    const buggy: Clamp = (_, wanted) => inheritClamped(UNRESTRICTED_POLICY, wanted);
    expect(() => assertHeld({ clamp: buggy, numRuns: 500 })).toThrow('Property failed');
  }, 120_000);

  it('is seen to do more where a bug holds its own overrides against nobody', () => {
    const buggy: typeof created = (_, levels, own) => created(UNRESTRICTED_POLICY, levels, own);
    expect(() => assertHeld({ make: buggy, numRuns: 500 })).toThrow('Property failed');
  }, 120_000);

  it.each(POLICY_FIELD_NAMES.filter((name) => !(name in BOUNDS_NOTHING)))(
    'is seen to do more where a bug leaves %s alone unclamped',
    (name) => {
      const buggy: Clamp = (bound, wanted) => {
        const clamped = inheritClamped(bound, wanted);
        return { ...clamped, policy: { ...clamped.policy, [name]: wanted.policy[name] } };
      };
      const { path, aliases } = POLICY_FIELDS[name];
      const parts = POLICY_PARTS.filter((part) =>
        [path, ...aliases].some((at) => at.startsWith(`${part}.`)),
      );
      expect(() => assertHeld({ clamp: buggy, numRuns: 2_000, parts })).toThrow('Property failed');
    },
    120_000,
  );

  it('gets the same when it is worked out anew and nothing has changed', () => {
    let same = 0;
    fc.assert(
      fc.property(anyPart, anyLevels, anyPart, (ofCreator, levels, own) => {
        const creator = childOf(UNRESTRICTED_POLICY, ofCreator);
        const first = creator && unlessRefused(() => created(creator, levels, own));
        fc.pre(first !== null);
        expect(reworked(creator as KeyPolicy, levels, own, inheritClamped)).toEqual(first);
        same++;
      }),
      { numRuns: 300, maxSkipsPerRun: 1_000 },
    );
    expect(same).toBe(300);
  }, 120_000);
});

describe('overrides that are changed', () => {
  it('say in one what they and the change say one after the other', () => {
    fc.assert(
      fc.property(anyLevels, anyInput, anyInput, (levels, own, change) => {
        const below = unlessRefused(() => compose(levels)) ?? compose([]);
        const inTurn = unlessRefused(() =>
          addLevel(addLevel(below, readPolicy(own)), readPolicy(change)),
        );
        fc.pre(inTurn !== null && !speaksOfNoSignature(below, readPolicy(own)));
        const merged = mergeOverrides(readPolicy(own), readPolicy(change));
        expect(sorted(addStoredLevel(below, merged))).toEqual(sorted(inTurn));
        const stored = JSON.parse(JSON.stringify(writeOverrides(merged))) as PolicyInput;
        expect(sorted(addStoredLevel(below, readPolicy(stored)))).toEqual(sorted(inTurn));
      }),
      { numRuns: 1_000, maxSkipsPerRun: 100 },
    );
  }, 120_000);
});

describe('templates upon templates', () => {
  const base: PolicyInput = {
    permissions: { models: ['gpt-*', 'claude-*'], features: { web_search: false } },
    rate_limits: { requests: { per_second: 10, burst_size: 20 }, costs: { per_day_max: 100 } },
    security: { authentication: { require_signature: true, max_timestamp_age: 60 } },
  };
  const of = (levels: readonly PolicyInput[], own: PolicyInput = {}): SourcedPolicy =>
    created(UNRESTRICTED_POLICY, levels, own);
  const documentOf = ({ policy }: SourcedPolicy): unknown => toPolicyDocument(policy);

  it.each<[string, PolicyInput[], PolicyInput, unknown]>([
    [
      'what a level does not name stays',
      [base, { rate_limits: { costs: { per_day_max: 50 } } }],
      {},
      {
        permissions: { models: { allowed: ['gpt-*', 'claude-*'] } },
        rate_limits: { requests: { per_second: 10, burst_size: 20 }, costs: { per_day_max: 50 } },
      },
    ],
    [
      'null opens a field again',
      [base, { permissions: { models: null }, rate_limits: { requests: null } }],
      {},
      {
        permissions: { models: { allowed: null }, features: { denied: ['web_search'] } },
        rate_limits: { requests: { per_second: null, burst_size: null } },
      },
    ],
    [
      'a list replaces a list, and a switch only its feature',
      [base, { permissions: { models: ['gpt-4o'], features: { vision: false } } }],
      { permissions: { features: { web_search: true } } },
      { permissions: { models: { allowed: ['gpt-4o'] }, features: { denied: ['vision'] } } },
    ],
    [
      'all_models opens both lists of models',
      [base, { permissions: { models: { denied: ['gpt-5'] } } }],
      { permissions: { all_models: true } },
      { permissions: { models: { allowed: null, denied: [] } } },
    ],
    [
      'details of a signature go with it',
      [base, { security: { authentication: { require_signature: false } } }],
      {},
      { security: { authentication: { require_signature: false, max_timestamp_age: null } } },
    ],
  ])('%s', (_, levels, own, expected) => {
    expect(documentOf(of(levels, own))).toMatchObject(expected as object);
  });

  it('say where each field came from', () => {
    const { sources } = of([base], { rate_limits: { costs: { per_day_max: 20 } } });
    expect(sources).toMatchObject({
      'permissions.models.allowed': ['template'],
      'rate_limits.costs.per_day_max': ['key'],
      'permissions.operations': ['default'],
    });
    const creator = childOf(UNRESTRICTED_POLICY, {
      permissions: { models: { denied: ['gpt-5'] }, operations: ['write'] },
    }) as KeyPolicy;
    const denying = { permissions: { models: { denied: ['gpt-6'] } } };
    expect(created(creator, [denying], {}).sources).toMatchObject({
      'permissions.models.denied': ['creator', 'template'],
      'permissions.operations': ['creator'],
    });
  });

  it('lose what relied on a template that has changed, and nothing else', () => {
    const own = readPolicy({
      permissions: { models: ['gpt-4o'] },
      rate_limits: { requests: { burst_size: 5 } },
      security: { authentication: { max_timestamp_age: 30 } },
    });
    const wanted = addStoredLevel(compose([{}]), own);
    expect(toPolicyDocument(inheritClamped(UNRESTRICTED_POLICY, wanted).policy)).toMatchObject({
      permissions: { models: { allowed: ['gpt-4o'] } },
      rate_limits: { requests: { burst_size: null } },
      security: { authentication: { max_timestamp_age: null } },
    });
    expect(() => addLevel(compose([{}]), own)).toThrow('goes with');
  });
});

describe('asking for more than the creator has', () => {
  const creator = childOf(UNRESTRICTED_POLICY, {
    permissions: { models: ['gpt-*'], features: { vision: false }, operations: ['write'] },
    rate_limits: { costs: { per_day_max: 100 } },
    security: { network_restrictions: { require_https: true } },
  }) as KeyPolicy;

  it.each<[PolicyInput[], PolicyInput, string]>([
    [[{ permissions: { models: ['claude-*'] } }], {}, 'permissions.models.allowed'],
    [[{ rate_limits: { costs: { per_day_max: 101 } } }], {}, 'rate_limits.costs.per_day_max'],
    [[{ permissions: { export_data: true, models: ['x'] } }], {}, 'permissions.models.allowed'],
    [[{}], { permissions: { models: ['claude-*'] } }, 'permissions.models'],
    [[{}], { permissions: { all_models: true } }, 'permissions.all_models'],
    [[{}], { permissions: { features: { vision: true } } }, 'permissions.features.vision'],
    [
      [{}],
      { security: { network_restrictions: { require_https: false } } },
      'security.network_restrictions.require_https',
    ],
  ])('%j with %j is refused and named', (levels, own, param) => {
    expect(() => created(creator, levels, own)).toThrow(
      expect.objectContaining({ code: 'escalation_denied', param }) as Error,
    );
  });

  it('of a field that is left open is no more than the creator has', () => {
    const open = { security: { network_restrictions: { require_https: false } } };
    expect(created(creator, [open, { permissions: { models: null } }], {}).policy).toMatchObject({
      allowedModels: ['gpt-*'],
      requiresHttps: true,
      costPerDayNanos: 100_000_000_000,
    });
  });

  it.each<[PolicyInput, Partial<KeyPolicy>]>([
    [{ permissions: { models: ['gpt-4o', 'claude-*'] } }, { allowedModels: ['gpt-4o'] }],
    [{ permissions: { models: ['*'] } }, { allowedModels: ['gpt-*'] }],
    [{ permissions: { models: ['claude-*'] } }, { allowedModels: ['gpt-*'] }],
    [{ rate_limits: { costs: { per_day_max: 500 } } }, { costPerDayNanos: 100_000_000_000 }],
    [
      { permissions: { features: { web_search: false } } },
      { deniedFeatures: ['vision', 'web_search'] },
    ],
  ])('later, %j, gets what both allow', (template, expected) => {
    expect(reworked(creator, [template], {}, inheritClamped).policy).toMatchObject(expected);
  });

  it('later, in limits by model, keeps each lower number', () => {
    const limits = (byModel: Record<string, unknown>): PolicyInput => ({
      permissions: { models: { cost_limits: byModel } },
    });
    const bound = childOf(
      UNRESTRICTED_POLICY,
      limits({ a: { max_requests_per_day: 5 }, b: { max_requests_per_day: 5 } }),
    ) as KeyPolicy;
    const template = limits({
      a: { max_requests_per_day: 9, max_cost_per_day: 1 },
      c: { max_requests_per_day: 2 },
    });
    expect(reworked(bound, [template], {}, inheritClamped).policy.modelLimits).toEqual({
      a: { maxRequestsPerDay: 5, maxCostPerDayNanos: 1_000_000_000 },
      b: { maxRequestsPerDay: 5 },
      c: { maxRequestsPerDay: 2 },
    });
  });

  it('later, of user agents, gets names that both let in', () => {
    const agents = (given: unknown): PolicyInput => ({ restrictions: { user_agents: given } });
    const bound = childOf(UNRESTRICTED_POLICY, agents(['A', 'B'])) as KeyPolicy;
    expect(
      reworked(bound, [agents(['B', 'C'])], {}, inheritClamped).policy.allowedUserAgents,
    ).toEqual({ names: ['B'], patterns: [] });
  });
});
