/** What holds for the authorisation matrix whatever its table says, so that regenerating it can't hide a hole. */
import { isDeepStrictEqual } from 'node:util';

import { COLUMNS, type Caller, type Column, OF_ONE_TEAM } from './principals.harness.js';
import { isSuccess, type Row } from './walk.harness.js';

export type Rules = {
  readonly callers: Readonly<Record<Column, Pick<Caller, 'scopes'>>>;
  /** Routes as `METHOD url` that take no credential. */
  readonly open: readonly string[];
  /** URLs of the GETs that are all a read-only key may call. */
  readonly readOnly: readonly string[];
};

/** Kinds of which another team's is as missing to who is of one team. */
const OF_A_TEAM = /key|requests|budgets|audit/;
/** Calls by which they must not learn either what other teams have. */
const TELLS_NOBODY = /\/budgets(\/|$)/;
/** Answers by which a call was not understood, or not answered: they say nothing of who may make it. */
const SAYS_NOTHING = /^(400|405|406|413|415|422|429|5\d\d)/;

/** What is promised to be otherwise, and where. */
const DOCUMENTED: readonly {
  readonly call: string;
  readonly may: 'answer 400' | 'succeed for a missing one' | 'tell another team’s apart';
  readonly because: string;
}[] = [
  {
    call: 'POST /v1/keys (scope.team_id)',
    may: 'answer 400',
    because: 'docs/team-keys.md: a team that is not there is a 400 that names the field',
  },
  {
    call: 'POST /v1/keys (scope.service_account_id)',
    may: 'answer 400',
    because: 'docs/organizations.md: as for a team that is not there',
  },
  {
    call: 'POST /v1/keys (scope.service_account_id of a team)',
    may: 'answer 400',
    because: 'docs/organizations.md: as for a team that is not there',
  },
  {
    call: 'POST /v1/keys/verify (key)',
    may: 'succeed for a missing one',
    because: 'it is the question whether a secret is anybody’s: the answer is {"valid": false}',
  },
  ...['GET /v1/keys', 'GET /v1/projects', 'GET /v1/webhooks'].map((route) => ({
    call: `${route} (?team_id)`,
    may: 'succeed for a missing one' as const,
    because: 'it narrows a list, which then is empty',
  })),
  ...['GET /v1/approvals', 'GET /v1/audit', 'GET /v1/requests', 'DELETE /v1/requests'].map(
    (route) => ({
      call: `${route} (?key_id)`,
      may: 'succeed for a missing one' as const,
      because: 'it narrows what is listed, or deleted, to nothing',
    }),
  ),
];

/** In words, all that must not be; empty when nothing is. */
export function problemsOf(rows: readonly Row[], rules: Rules): string[] {
  return [
    ...rows.flatMap((row) => COLUMNS.flatMap((column) => problemsOfCell(row, column, rules))),
    ...groupsOf(rows).flatMap(problemsOfPlaces),
  ];
}

function problemsOfCell(row: Row, column: Column, rules: Rules): string[] {
  const outcome = row.outcomes[column];
  const wrong = wrongOf(row, column, rules);
  return wrong === null ? [] : [`${nameOf(row)}, ${column}: ${outcome}, ${wrong}`];
}

function wrongOf(row: Row, column: Column, rules: Rules): string | null {
  const outcome = row.outcomes[column];
  if (SAYS_NOTHING.test(outcome) && !isDocumented(row, 'answer 400')) {
    return 'which says nothing of rights: give the call what it needs in calls.harness.ts';
  }
  const isOpen = rules.open.includes(`${row.method} ${row.url}`);
  return isSuccess(outcome) && !isOpen ? wrongOfSuccess(row, column, rules) : null;
}

function wrongOfSuccess(row: Row, column: Column, { callers, readOnly }: Rules): string | null {
  if (row.place === 'missing' && !isDocumented(row, 'succeed for a missing one')) {
    return 'though there is no such thing';
  }
  if (column === 'nobody') return 'though it is on no list of open routes';
  if (column === 'read_only' && !(row.method === 'GET' && readOnly.includes(row.url))) {
    return 'though it is not on the list of a read-only key';
  }
  const { scopes } = callers[column];
  if (row.scope === 'authenticated' || scopes.some((scope) => scope === row.scope)) return null;
  return `though it lacks ${row.scope}`;
}

/** Rows of the same call, which differ in where the thing is. */
function groupsOf(rows: readonly Row[]): (readonly Row[])[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows.filter(({ place }) => place !== null)) {
    groups.set(callOf(row), [...(groups.get(callOf(row)) ?? []), row]);
  }
  return [...groups.values()];
}

function problemsOfPlaces(group: readonly Row[]): string[] {
  const missing = group.find(({ place }) => place === 'missing');
  if (!missing) return group.slice(0, 1).map((row) => `${callOf(row)}: no row with a missing id`);
  const differ = (row: Row, columns: readonly Column[]): string[] =>
    columns.flatMap((column) => {
      if (row.outcomes[column] !== missing.outcomes[column]) {
        return `${nameOf(row)}, ${column}: ${row.outcomes[column]}, but ${missing.outcomes[column]} for a missing one`;
      }
      if (isDeepStrictEqual(row.answers[column], missing.answers[column])) return [];
      return `${nameOf(row)}, ${column}: answered in other words than a missing one`;
    });
  return group.flatMap((row) => {
    if (row.place === 'other organization') {
      return differ(
        row,
        COLUMNS.filter((column) => column !== 'master'),
      );
    }
    return row.place === 'other team' &&
      (OF_A_TEAM.test(row.kind ?? '') || TELLS_NOBODY.test(row.url)) &&
      !isDocumented(row, 'tell another team’s apart')
      ? differ(row, OF_ONE_TEAM)
      : [];
  });
}

function isDocumented(row: Row, what: (typeof DOCUMENTED)[number]['may']): boolean {
  return DOCUMENTED.some(({ call, may }) => call === callOf(row) && may === what);
}

function callOf({ method, url, where }: Row): string {
  return `${method} ${url}${where === null ? '' : ` (${where})`}`;
}

function nameOf(row: Row): string {
  return `${callOf(row)}${row.place === null ? '' : ` of ${row.place}`}`;
}
