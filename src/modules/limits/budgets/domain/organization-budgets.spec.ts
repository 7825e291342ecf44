import { describe, expect, it } from 'vitest';

import { allowancesFor, type Budget, compileBudgets } from './organization-budgets.js';

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
  return allowancesFor(compileBudgets(budgets), 'key_1').map(
    ({ subject, subjectId, window, model, limit }) => [subject, subjectId, window, model, limit],
  );
}

describe('allowancesFor', () => {
  it('makes an allowance of money of a budget', () => {
    const given = ofKey({ window: 'monthly', model: 'gpt-*', limitNanos: 5, alertThreshold: 0.8 });
    expect(allowancesFor(compileBudgets([given]), 'key_1')).toEqual([
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
});
