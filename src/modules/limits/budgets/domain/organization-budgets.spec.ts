import { describe, expect, it } from 'vitest';

import {
  allowancesFor,
  type Budget,
  type BudgetScope,
  compileBudgets,
  type Spender,
} from './organization-budgets.js';

/** A key of nobody in particular. */
const KEY: Spender = { keyId: 'key_1', userId: null, teamId: null, projectIds: [] };
const OWNED: Spender = {
  keyId: 'key_1',
  userId: 'user_1',
  teamId: 'team_1',
  projectIds: ['proj_1', 'proj_2'],
};

function budget(fields: Partial<Budget>): Budget {
  return {
    organizationId: 'org_1',
    scope: 'organization',
    scopeId: 'org_1',
    window: 'daily',
    model: '*',
    limitNanos: 1_000,
    alertThreshold: null,
    ...fields,
  };
}

const ofKey = (fields: Partial<Budget>): Budget =>
  budget({ scope: 'key', scopeId: 'key_1', ...fields });
const ofEach = (fields: Partial<Budget>): Budget => budget({ scope: 'each_key', ...fields });

/** What binds a call of `key_1`, in short. */
function bindings(...budgets: Budget[]): unknown[] {
  return bindingsOf(KEY, ...budgets);
}

function bindingsOf(spender: Spender, ...budgets: Budget[]): unknown[] {
  return allowancesFor(compileBudgets(budgets), spender).map(
    ({ subject, subjectId, window, model, limit }) => [subject, subjectId, window, model, limit],
  );
}

describe('allowancesFor', () => {
  it('makes an allowance of money of a budget', () => {
    const given = ofKey({ window: 'monthly', model: 'gpt-*', limitNanos: 5, alertThreshold: 0.8 });
    expect(allowancesFor(compileBudgets([given]), KEY)).toEqual([
      {
        organizationId: 'org_1',
        subject: 'key',
        subjectId: 'key_1',
        metric: 'cost',
        window: 'month',
        limit: 5,
        burst: null,
        model: 'gpt-*',
        alertThreshold: 0.8,
      },
    ]);
  });

  it.each([
    ['daily', 'day'],
    ['weekly', 'week'],
    ['monthly', 'month'],
  ] as const)('counts what is %s by the %s', (window, expected) => {
    expect(bindings(budget({ window }))).toEqual([
      ['organization', 'org_1', expected, null, 1_000],
    ]);
  });

  it('binds nobody without budgets', () => {
    expect(bindings()).toEqual([]);
  });

  it('is the organization’s, the key’s own and those of each key, but no other key’s', () => {
    expect(
      bindings(
        budget({}),
        ofKey({ limitNanos: 2 }),
        ofKey({ scopeId: 'key_2', limitNanos: 3 }),
        ofEach({ window: 'weekly', limitNanos: 4 }),
      ),
    ).toEqual([
      ['organization', 'org_1', 'day', null, 1_000],
      ['key', 'key_1', 'day', null, 2],
      ['key', 'key_1', 'week', null, 4],
    ]);
  });

  it('has one for the same window and models, with the lower limit', () => {
    const expected = [['key', 'key_1', 'day', null, 2]];
    expect(bindings(ofKey({ limitNanos: 2 }), ofEach({ limitNanos: 3 }))).toEqual(expected);
    expect(bindings(ofKey({ limitNanos: 3 }), ofEach({ limitNanos: 2 }))).toEqual(expected);
    expect(bindings(ofKey({ limitNanos: 0 }), ofEach({}))).toEqual([
      ['key', 'key_1', 'day', null, 0],
    ]);
  });

  it('keeps those of other windows and other models apart', () => {
    const given = [
      ofKey({}),
      ofKey({ model: 'a*' }),
      ofEach({ model: 'b*' }),
      ofEach({ window: 'weekly' }),
    ];
    expect(bindings(...given)).toHaveLength(4);
  });

  const shared = (scope: BudgetScope, scopeId: string, limitNanos = 5): Budget =>
    budget({ scope, scopeId, limitNanos });

  it('is the owner’s, the team’s and every project’s too, and those of each user', () => {
    const budgets = [
      shared('team', 'team_1', 1),
      shared('team', 'team_2', 2),
      shared('project', 'proj_1', 3),
      shared('project', 'proj_2', 4),
      shared('project', 'proj_3', 5),
      shared('user', 'user_1', 6),
      shared('user', 'user_2', 7),
      budget({ scope: 'each_user', window: 'weekly', limitNanos: 8 }),
      budget({}),
    ];
    expect(bindingsOf(OWNED, ...budgets)).toEqual([
      ['organization', 'org_1', 'day', null, 1_000],
      ['user', 'user_1', 'day', null, 6],
      ['team', 'team_1', 'day', null, 1],
      ['project', 'proj_1', 'day', null, 3],
      ['project', 'proj_2', 'day', null, 4],
      ['user', 'user_1', 'week', null, 8],
    ]);
    expect(bindings(...budgets)).toEqual([['organization', 'org_1', 'day', null, 1_000]]);
  });

  it('has one of a user’s own and of each user’s, with the lower limit', () => {
    const expected = [['user', 'user_1', 'day', null, 2]];
    const each = (limitNanos: number): Budget => budget({ scope: 'each_user', limitNanos });
    expect(bindingsOf(OWNED, shared('user', 'user_1', 2), each(3))).toEqual(expected);
    expect(bindingsOf(OWNED, shared('user', 'user_1', 3), each(2))).toEqual(expected);
  });
});
