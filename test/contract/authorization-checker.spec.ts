import { describe, expect, it } from 'vitest';

import { SCOPES } from '#common/auth/scopes.js';

import { callsOf } from './matrix/calls.harness.js';
import { problemsOf, type Rules } from './matrix/invariants.harness.js';
import { COLUMNS, type Column } from './matrix/principals.harness.js';
import { differencesOf, renderTable } from './matrix/table.harness.js';
import type { Row } from './matrix/walk.harness.js';

const SCOPE = '403 insufficient_scope';
const GONE = '404 not_found';

const rules: Rules = {
  callers: Object.fromEntries(
    COLUMNS.map((column) => [column, { scopes: column === 'viewer' ? ['org:read'] : SCOPES }]),
  ) as unknown as Rules['callers'],
  open: ['GET /open'],
  readOnly: ['/v1/listed'],
};

function all<T>(value: T, but: Partial<Record<Column, T>> = {}): Record<Column, T> {
  const each = Object.fromEntries(COLUMNS.map((column) => [column, value]));
  return { ...each, ...but } as Record<Column, T>;
}

const REFUSED = { read_only: '403 read_only_key', nobody: '401 missing_api_key', viewer: SCOPE };

function row(fields: Partial<Row>, but: Partial<Record<Column, string>> = {}): Row {
  const found = fields.place === 'own' || fields.place === null ? '200' : GONE;
  return {
    method: 'GET',
    url: '/v1/keys/:id',
    where: null,
    place: 'own',
    kind: 'keys',
    scope: 'keys:read',
    allowsReadOnlyKeys: false,
    outcomes: all(found, { ...REFUSED, ...but }),
    answers: all<unknown>(null),
    ...fields,
  };
}

/** A call without holes, with the cells of one of its places replaced. */
function doctored(place: Row['place'], but: Partial<Record<Column, string>>): Row[] {
  return (['own', 'other team', 'other organization', 'missing'] as const).map((one) => {
    const seen = one === 'other team' ? { admin: '200', owner: '200' } : {};
    return row({ place: one }, { ...seen, ...(one === place && but) });
  });
}

describe('the checker of the authorisation matrix', () => {
  it('finds nothing where nothing is', () => {
    expect(problemsOf(doctored(null, {}), rules)).toEqual([]);
    const open = row({ url: '/open', place: null }, { nobody: '200', read_only: '200' });
    expect(problemsOf([open], rules)).toEqual([]);
    const listed = row({ url: '/v1/listed', place: null }, { read_only: '200' });
    expect(problemsOf([listed], rules)).toEqual([]);
  });

  it.each([
    ['another organization’s thing that is found', 'other organization', { admin: '200' }],
    ['one whose existence is told', 'other organization', { owner: '403 escalation_denied' }],
    ['another team’s key that is found', 'other team', { developer: '200' }],
    ['a success with what is not there', 'missing', { owner: '200' }],
    ['a success without a credential', 'own', { nobody: '200' }],
    ['a success of a read-only key', 'own', { read_only: '200' }],
    ['a success without the scope', 'own', { viewer: '200' }],
    ['a WebSocket without the scope', 'own', { viewer: '101' }],
    ['a call that was not understood', 'own', { admin: '400 invalid_request' }],
    ['an error of ours', 'own', { admin: '500 internal_server_error' }],
    ['one call too many', 'own', { admin: '429 rate_limit_exceeded' }],
  ] as const)('complains of %s', (_, place, but) => {
    const problems = problemsOf(doctored(place, but), rules);
    expect(problems.length).toBeGreaterThan(0);
    const [[column, outcome]] = Object.entries(but) as [[string, string]];
    expect(problems[0]).toContain(`GET /v1/keys/:id of ${place}, ${column}: ${outcome}`);
  });

  it('lets a master key find another organization’s, and nobody else', () => {
    expect(problemsOf(doctored('other organization', { master: '200' }), rules)).toEqual([]);
  });

  it('complains of another answer with the same status, and of a call that nobody has made with a missing id', () => {
    const rows = doctored(null, {});
    const told = rows.map((one) =>
      one.place === 'other organization' ? { ...one, answers: all<unknown>('It is theirs') } : one,
    );
    expect(problemsOf(told, rules)).toContain(
      'GET /v1/keys/:id of other organization, admin: answered in other words than a missing one',
    );
    expect(problemsOf(rows.slice(0, 3), rules)).toEqual([
      'GET /v1/keys/:id: no row with a missing id',
    ]);
  });

  it('complains of a write of a read-only key also where it may read', () => {
    const write = row({ method: 'POST', url: '/v1/listed', place: null }, { read_only: '200' });
    expect(problemsOf([write], rules)).toHaveLength(1);
  });
});

describe('the reviewed table', () => {
  const rows = doctored(null, {});
  const reviewed = renderTable(rows);

  it('is as the rows are, and says so of what it was made from', () => {
    expect(differencesOf(reviewed, renderTable(rows))).toEqual([]);
  });

  it('names a changed cell, a new row and one that is gone', () => {
    const changed = renderTable(doctored('own', { viewer: '200' }));
    expect(differencesOf(reviewed, changed)).toEqual([
      'GET /v1/keys/:id own, viewer: was scope, is 200',
    ]);
    const more = renderTable([...rows, row({ method: 'POST', url: '/v1/new', place: null })]);
    expect(differencesOf(reviewed, more)).toEqual([
      expect.stringMatching(/^POST \/v1\/new -: a new row that nobody has reviewed: 200 \|/),
    ]);
    expect(differencesOf(more, reviewed)).toEqual([
      'POST /v1/new -: is in the reviewed table, and no route any more',
    ]);
  });
});

describe('a route that nobody has said how to call', () => {
  it('fails with what to add where', () => {
    expect(() => callsOf('GET', '/v1/novelties/:id')).toThrow(
      /add it to KINDS in test\/contract\/matrix\/world\.harness\.ts/,
    );
  });
});
