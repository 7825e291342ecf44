/** The authorisation matrix as a text that people review: one line for each row, columns aligned. */
import { COLUMNS } from './principals.harness.js';
import type { Row } from './walk.harness.js';

/** What is answered so often that it has a word of its own. */
const WORDS: Readonly<Record<string, string>> = {
  '401 missing_api_key': 'no key',
  '403 insufficient_scope': 'scope',
  '403 read_only_key': 'read-only',
  '403 escalation_denied': 'escalation',
  '403 operation_not_allowed': 'operation',
  '404 not_found': '404',
};

const HEADER = `# Who may do what: every route of the running app, for each place that its id may be in, and each caller.
# Generated: UPDATE_MATRIX=1 npx vitest run --project system test/contract/authorization-matrix.spec.ts
# Review each changed cell as a change of what the product promises. docs/authorization-matrix.md explains the words.
`;

/** Ends with a newline. */
export function renderTable(rows: readonly Row[]): string {
  const lines = rows.map((row) => [...labelsOf(row), ...COLUMNS.map((of) => wordOf(row, of))]);
  const head = ['route', 'place', ...COLUMNS];
  const widths = head.map((_, at) =>
    Math.max(...[head, ...lines].map((cells) => cells[at]?.length ?? 0)),
  );
  const text = [head, ...lines].map((cells) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${HEADER}\n${text.join('\n')}\n`;
}

/** In words, what the table says otherwise than the reviewed one; empty when nothing is. */
export function differencesOf(reviewed: string, current: string): string[] {
  const [before, after] = [rowsByLabel(reviewed), rowsByLabel(current)];
  const gone = [...before.keys()].filter((label) => !after.has(label));
  return [
    ...gone.map((label) => `${label}: is in the reviewed table, and no route any more`),
    ...[...after].flatMap(([label, cells]) => {
      const known = before.get(label);
      if (!known) return [`${label}: a new row that nobody has reviewed: ${cells.join(' | ')}`];
      return COLUMNS.flatMap((column, at) =>
        known[at] === cells[at]
          ? []
          : [`${label}, ${column}: was ${known[at] ?? 'nothing'}, is ${cells[at] ?? 'nothing'}`],
      );
    }),
  ];
}

function labelsOf({ method, url, where, place }: Row): [string, string] {
  return [`${method.padEnd(6)} ${url}${where === null ? '' : ` (${where})`}`, place ?? '-'];
}

function wordOf({ outcomes }: Row, column: (typeof COLUMNS)[number]): string {
  const outcome = outcomes[column];
  return WORDS[outcome] ?? outcome.replace(' ', ':');
}

function rowsByLabel(table: string): Map<string, string[]> {
  const lines = table.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.slice(1).map((line) => {
      const [route = '', place = '', ...cells] = line.split(/ {2,}/);
      // A short method is padded, so that the route falls into two.
      const isSplit = !route.includes(' ');
      const label = isSplit ? `${route} ${place} ${cells[0] ?? ''}` : `${route} ${place}`;
      return [label, isSplit ? cells.slice(1) : cells];
    }),
  );
}
