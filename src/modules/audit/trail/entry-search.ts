/** What the log is searched by, in SQL: `audit_entries.search` is made of it when an entry is sealed. */

/** What is between words, all of ASCII: PostgreSQL’s parser of words would take `a.b` for a host, and keep it whole. */
const PUNCTUATION = '[!-/:-@\\[-`{-~]';
/** In JSON as text a line break is a backslash and a letter, which would become part of the next word. */
const JSON_ESCAPE = '\\\\(u[0-9a-f]{4}|.)';
/** Characters of a fact that are searched by. */
const MAX_FACT = 256;

/** Of the columns of `audit_entries`. */
export const WORDS_VECTOR = `to_tsvector('simple',
  regexp_replace(action || ' ' || target_id || ' ' || coalesce(reason, ''), '${PUNCTUATION}+', ' ', 'g') || ' ' ||
  regexp_replace(coalesce(before::text, '') || coalesce(after::text, '') || details::text,
    '(${JSON_ESCAPE}|${PUNCTUATION})+', ' ', 'g'))`;

/** Facts that are asked for exactly, by name, as an expression on the columns of `audit_entries`. */
const SEARCHED_FACTS = {
  target_id: 'target_id',
  target_type: 'target_type',
  outcome: 'outcome',
  actor_id: 'actor_id',
  request_id: 'request_id',
  ip_address: `personal ->> 'ip_address'`,
} as const;

export type EntryFact = keyof typeof SEARCHED_FACTS;

const FACTS = Object.entries({ organization_id: 'organization_id', ...SEARCHED_FACTS });

/**
 * The words of an entry and, beginning with `=`, which no word does, the facts that are asked for exactly: one index finds what is
 * rare of either, also together.
 */
export const SEARCH_VECTOR = `${WORDS_VECTOR} || array_to_tsvector(ARRAY[
  ${FACTS.map(([name, column]) => `'=${name}:' || left(coalesce(${column}, ''), ${MAX_FACT})`).join(', ')}])`;

type Searched = { readonly facts: Readonly<Partial<Record<EntryFact, string>>> };

/** What an entry must be, in SQL. @param bind makes a parameter of a value */
export function factsAre({ facts }: Searched, bind: (value: string) => string): string[] {
  return entriesOf(facts).map(([name, value]) => `${SEARCHED_FACTS[name]} = ${bind(value)}`);
}

/** Facts that `search` holds no more than the beginning of, and which are to be compared as well. */
export function longFactsOf({ facts }: Searched): Searched {
  const long = entriesOf(facts).filter(([, value]) => left(value) !== value);
  return { facts: Object.fromEntries(long) };
}

/**
 * A `tsquery` of the facts: https://www.postgresql.org/docs/18/datatype-textsearch.html#DATATYPE-TSQUERY. Of a word that other
 * organizations have much of, the index then reads only what is ours as well.
 */
export function termsOf(organizationId: string, { facts }: Searched): string {
  const all: [string, string][] = [['organization_id', organizationId], ...entriesOf(facts)];
  return all.map(([name, value]) => quoted(`=${name}:${left(value)}`)).join(' & ');
}

/** A `tsquery` of a text in SQL: its words, as those of entries are found, whole, but for the last, which may be the beginning of one. */
export function wordsOf(text: string): string {
  return `regexp_replace(plainto_tsquery('simple', regexp_replace(${text}, '${PUNCTUATION}+', ' ', 'g'))::text, '''$', ''':*')::tsquery`;
}

const entriesOf = (facts: Searched['facts']): [EntryFact, string][] =>
  Object.entries(facts) as [EntryFact, string][];

const left = (value: string): string => Array.from(value).slice(0, MAX_FACT).join('');

const quoted = (term: string): string => `'${term.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
