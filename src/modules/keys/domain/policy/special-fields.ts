import { checkUserAgentPattern, compileUserAgents } from '../matching/user-agent.js';
import {
  escalation,
  invalid,
  isRecord,
  type ItemKind,
  type JsonSchema,
  type PolicyField,
  readItems,
  unknownField,
} from './field-kinds.js';
import type { UserAgents } from './key-policy.js';

const MAX_NAMES = 50;
/** Each may cost some milliseconds for a user agent that it has not seen, so they are few. */
const MAX_PATTERNS = 10;

/** The one provider that all calls go to. */
export function forcedProvider(path: string, provider: ItemKind): PolicyField<string | null> {
  return {
    path,
    aliases: [],
    open: null,
    schema: {
      ...provider.schema,
      type: ['string', 'null'],
      description: 'The one provider, by name, that all calls go to.',
    },
    read: (given, at) => {
      const name = typeof given === 'string' ? provider.normalize(given) : null;
      if (name === null) throw invalid(at, `must be ${provider.must}`);
      return name;
    },
    within: (own, asked, at) => {
      if (own === null || asked === null || asked === own) return asked ?? own;
      throw escalation(
        at,
        `All calls of this key go to ${own}, so it can’t send another’s elsewhere.`,
      );
    },
  };
}

/** Names and patterns are one restriction: a request needs one of either. */
export function userAgents(
  path: string,
  aliases: readonly string[],
): PolicyField<UserAgents | null> {
  return {
    path,
    aliases,
    open: null,
    schema: {
      type: ['object', 'null'],
      additionalProperties: false,
      properties: {
        names: {
          type: 'array',
          items: { type: 'string', minLength: 1, maxLength: 512 },
          maxItems: MAX_NAMES,
        },
        patterns: { type: 'array', items: PATTERN_SCHEMA, maxItems: MAX_PATTERNS },
      },
      description: 'Whole names of user agents, or RE2 patterns to be found in them.',
    },
    read: readUserAgents,
    merge: (one, other) => ({
      names: [...new Set([...(one?.names ?? []), ...(other?.names ?? [])])],
      patterns: [...new Set([...(one?.patterns ?? []), ...(other?.patterns ?? [])])],
    }),
    within: (own, asked, at) => {
      if (own === null || asked === null) return asked ?? own;
      const allows = compileUserAgents(own.names, own.patterns);
      // Whether one pattern is within another can’t be told in general: it is when it is the same.
      const beyond =
        asked.names.find((name) => !allows(name)) ??
        asked.patterns.find((pattern) => !own.patterns.includes(pattern));
      if (beyond === undefined) return asked;
      throw escalation(
        at,
        `This key is not allowed the user agent ${beyond} itself, so it can’t grant it.`,
      );
    },
  };
}

const PATTERN_SCHEMA: JsonSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 256,
  description: 'RE2 syntax (no back-references, no look-around).',
};

const NAME: ItemKind = {
  schema: {},
  normalize: (text) => (/^[\u0020-\u007e\u0080-\u00ff]{1,512}$/.test(text) ? text : null),
  must: 'a user agent of at most 512 characters',
  covers: (outer, inner) => outer === inner,
};

/** A pattern, a list of names, or both as an object. */
function readUserAgents(given: unknown, at: string): UserAgents {
  if (typeof given === 'string') return { names: [], patterns: [readPattern(given, at)] };
  if (Array.isArray(given))
    return notEmpty({ names: readItems(given, at, NAME, MAX_NAMES), patterns: [] }, at);
  if (!isRecord(given)) throw invalid(at, 'must be an object of names and patterns');
  const unknown = Object.keys(given).find((name) => name !== 'names' && name !== 'patterns');
  if (unknown !== undefined) throw unknownField(`${at}.${unknown}`);
  const names = readItems(given.names ?? [], `${at}.names`, NAME, MAX_NAMES);
  return notEmpty({ names, patterns: readPatterns(given.patterns ?? [], `${at}.patterns`) }, at);
}

function notEmpty(agents: UserAgents, at: string): UserAgents {
  if (agents.names.length + agents.patterns.length > 0) return agents;
  throw invalid(at, 'must not be empty: leave it out to restrict nothing');
}

function readPatterns(given: unknown, at: string): string[] {
  if (!Array.isArray(given)) throw invalid(at, 'must be a list');
  if (given.length > MAX_PATTERNS) throw invalid(at, `must have at most ${MAX_PATTERNS} items`);
  return [
    ...new Set(given.map((pattern: unknown, index) => readPattern(pattern, `${at}[${index}]`))),
  ];
}

function readPattern(given: unknown, at: string): string {
  if (typeof given !== 'string') throw invalid(at, 'must be a text');
  const problem = checkUserAgentPattern(given);
  if (problem === null) return given;
  throw invalid(at, `can’t be used as a pattern: ${problem}`);
}
