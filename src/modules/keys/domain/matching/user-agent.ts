import { RE2JS, RE2JSException } from 're2js';

const MAX_PATTERN_LENGTH = 256;
/** In instructions. All that 256 characters say without counted repeats fits, give or take. */
const MAX_PROGRAM_SIZE = 300;
/** In instructions, before any is made: compiling more takes tens of milliseconds. */
const MAX_UNROLLED_SIZE = 5000;
const MAX_USER_AGENT_LENGTH = 512;
const MAX_COMPILED = 128;
const MAX_REMEMBERED = 32;

const compiled = new Map<string, RE2JS | string>();

/**
 * What is wrong with a pattern in RE2 syntax, as a sentence for who wrote it; null when it may be used. A pattern that
 * passes is matched in time linear in the user agent: microseconds as a rule, some 10 ms for the worst known one.
 */
export function checkUserAgentPattern(pattern: string): string | null {
  const result = compile(pattern);
  return typeof result === 'string' ? result : null;
}

/**
 * Compiles exact names and RE2 patterns, which may match anywhere unless they anchor themselves. Only the first 512
 * characters of a user agent count. A pattern that {@link checkUserAgentPattern} refuses matches nothing.
 */
export function compileUserAgents(
  names: readonly string[],
  patterns: readonly string[],
): (userAgent: string) => boolean {
  const exact = new Set(names);
  const programs = patterns.map(compile).filter((result) => typeof result !== 'string');
  const answers = new Map<string, boolean>();
  return (userAgent) => {
    const text = userAgent.slice(0, MAX_USER_AGENT_LENGTH);
    if (programs.length === 0) return exact.has(text);
    const known = answers.get(text);
    if (known !== undefined) return known;
    // Not test(): that builds a DFA of up to 8 MB for each pattern, and takes 12 ms where new user agents keep adding
    // states to it. find() walks a bit map of instructions × characters: at most 19 KB, 9 ms at the worst measured.
    const answer = exact.has(text) || programs.some((program) => program.matcher(text).find());
    // A cut text would keep the whole header in memory.
    if (text.length === userAgent.length) remember(answers, text, answer, MAX_REMEMBERED);
    return answer;
  };
}

function compile(pattern: string): RE2JS | string {
  // Not remembered: the keys of the map stay short.
  if (pattern.length > MAX_PATTERN_LENGTH) {
    return `The pattern is longer than ${MAX_PATTERN_LENGTH} characters.`;
  }
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const result = compileUncached(pattern);
  remember(compiled, pattern, result, MAX_COMPILED);
  return result;
}

function compileUncached(pattern: string): RE2JS | string {
  if (pattern === '') return 'The pattern is empty, so it would match every user agent.';
  const tooLarge = 'The pattern is too large: use fewer or smaller counted repeats.';
  if (unrolledSize(pattern) > MAX_UNROLLED_SIZE) return tooLarge;
  try {
    const program = RE2JS.compile(pattern);
    return program.programSize() > MAX_PROGRAM_SIZE ? tooLarge : program;
  } catch (error) {
    if (error instanceof RE2JSException) return explain(pattern, error);
    throw error;
  }
}

/**
 * An upper bound, to a small factor, of what a pattern grows to once RE2 has written out its counted repeats: those of
 * groups may be nested, so they multiply; those of single characters add up. RE2 has no syntax that lets anything
 * stand between `)` and its `{n,m}`.
 */
function unrolledSize(pattern: string): number {
  let size = pattern.length;
  let factor = 1;
  for (const [, group, least, most] of pattern.matchAll(/(\)?)\{(\d+)(?:,(\d*))?\}/g)) {
    const count = Math.max(1, Number(least), Number(most ?? 0));
    if (group === '') size += count;
    else factor *= count;
  }
  return size * factor;
}

function explain(pattern: string, error: RE2JSException): string {
  if (/\(\?<?[=!]/.test(pattern)) return 'The pattern uses look-around, which RE2 does not have.';
  if (/\\[1-9]|\\k[<{]|\(\?P=/.test(pattern)) {
    return 'The pattern uses back-references, which RE2 does not have.';
  }
  return `The pattern is not a valid RE2 expression: ${error.message.replace(/^error parsing regexp: /, '')}.`;
}

/** Adds an entry to a map of at most `limit`, in place of the one that was added first. */
function remember<V>(map: Map<string, V>, key: string, value: V, limit: number): void {
  if (map.size >= limit) {
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
  map.set(key, value);
}
