import {
  escalation,
  invalid,
  isRecord,
  type ItemKind,
  type PolicyField,
  unknownField,
} from './field-kinds.js';
import type { ModelLimits } from './key-policy.js';
import { REQUESTS, type NumberKind, OUTPUT_TOKENS, USD } from './number-kinds.js';

type LimitsByModel = Readonly<Record<string, ModelLimits>>;
type LimitName = keyof ModelLimits;

const MAX_LIMITED_MODELS = 200;

/** Each number by its name in the document. */
const NUMBERS: readonly {
  readonly name: LimitName;
  readonly written: string;
  readonly kind: NumberKind;
  readonly about: string;
}[] = [
  {
    name: 'maxTokensPerRequest',
    written: 'max_tokens_per_request',
    kind: OUTPUT_TOKENS,
    about: 'Output tokens that one request may ask for; one that asks for none gets these.',
  },
  {
    name: 'maxRequestsPerDay',
    written: 'max_requests_per_day',
    kind: REQUESTS,
    about: 'Requests in a day (UTC).',
  },
  {
    name: 'maxCostPerDayNanos',
    written: 'max_cost_per_day',
    kind: USD,
    about: 'USD in a day (UTC).',
  },
];
const NUMBER_OF = new Map(NUMBERS.map((number) => [number.written, number]));

/** Limits by model: a child has its creator's besides its own, and of both the lower. */
export function modelLimits(path: string, model: ItemKind): PolicyField<LimitsByModel> {
  return {
    path,
    aliases: [],
    open: {},
    schema: {
      type: ['object', 'null'],
      maxProperties: MAX_LIMITED_MODELS,
      description: 'Limits for a model, or for all that a pattern matches.',
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        minProperties: 1,
        properties: Object.fromEntries(
          NUMBERS.map(({ written, kind, about }) => [
            written,
            { ...kind.schema, description: about },
          ]),
        ),
      },
    },
    read: (given, at) => {
      if (!isRecord(given)) throw invalid(at, 'must be an object of limits by model');
      const entries = Object.entries(given);
      if (entries.length > MAX_LIMITED_MODELS)
        throw invalid(at, `must name at most ${MAX_LIMITED_MODELS} models`);
      return Object.fromEntries(
        entries.map(([name, limits]) => [
          readModel(name, at, model),
          readLimits(limits, `${at}.${name}`),
        ]),
      );
    },
    within: (own, asked, at) => {
      const both = { ...own };
      for (const [name, limits] of Object.entries(asked)) {
        assertNoHigher(own[name] ?? {}, limits, `${at}.${name}`);
        both[name] = { ...own[name], ...limits };
      }
      if (Object.keys(both).length <= MAX_LIMITED_MODELS) return both;
      throw invalid(
        at,
        `names more than ${MAX_LIMITED_MODELS} models together with the creating key`,
      );
    },
    document: { write: writeAll, parse: parseAll },
  };
}

/** What is asked for, each number lowered to what there is of the same model. */
export function lowestOf(own: LimitsByModel, asked: LimitsByModel): LimitsByModel {
  return Object.fromEntries(
    Object.entries(asked).map(([model, limits]) => {
      const lowered = NUMBERS.flatMap(({ name }) => {
        const limit = limits[name];
        return limit === undefined ? [] : [[name, Math.min(limit, own[model]?.[name] ?? limit)]];
      });
      return [model, Object.fromEntries(lowered) as ModelLimits];
    }),
  );
}

function assertNoHigher(own: ModelLimits, asked: ModelLimits, at: string): void {
  for (const { name, written, kind } of NUMBERS) {
    const limit = own[name];
    if (limit === undefined || (asked[name] ?? 0) <= limit) continue;
    throw escalation(
      `${at}.${written}`,
      `This key has ${String(kind.write(limit))} there itself, so it can’t grant more.`,
    );
  }
}

function readModel(name: string, at: string, model: ItemKind): string {
  // An object can't have it as a name of its own.
  if (name !== '__proto__' && model.normalize(name) !== null) return name;
  throw invalid(at, `must name each model by ${model.must}`);
}

function readLimits(given: unknown, at: string): ModelLimits {
  if (!isRecord(given)) throw invalid(at, 'must be an object of limits');
  const limits: Partial<Record<LimitName, number>> = {};
  for (const [written, value] of Object.entries(given)) {
    const number = NUMBER_OF.get(written);
    if (!number) throw unknownField(`${at}.${written}`);
    if (value !== null) limits[number.name] = number.kind.read(value, `${at}.${written}`);
  }
  if (Object.keys(limits).length > 0) return limits;
  throw invalid(at, `must have one of ${[...NUMBER_OF.keys()].join(', ')}`);
}

function writeAll(limits: LimitsByModel): unknown {
  return mapAll(limits, (own: ModelLimits) =>
    Object.fromEntries(
      NUMBERS.flatMap(({ name, written, kind }) => {
        const limit = own[name];
        return limit === undefined ? [] : [[written, kind.write(limit)]];
      }),
    ),
  );
}

function parseAll(document: unknown): LimitsByModel {
  return mapAll(document as Record<string, Record<string, number>>, (own) =>
    Object.fromEntries(
      NUMBERS.flatMap(({ name, written, kind }) => {
        const number = own[written];
        return number === undefined ? [] : [[name, kind.parse(number)]];
      }),
    ),
  );
}

function mapAll<From, To>(
  byModel: Readonly<Record<string, From>>,
  map: (limits: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(byModel).map(([model, limits]) => [model, map(limits)]));
}
