import { AppError } from '#common/errors/app-error.js';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** One restriction of a policy: how it is read, what it is when nobody says, and how a child's stays within its creator's. */
export type PolicyField<Value> = {
  /** Where it stands in the document: `security.network_restrictions.ip_whitelist`. */
  readonly path: string;
  /** Other places where it may be written. */
  readonly aliases: readonly string[];
  /** Restricts nothing. */
  readonly open: Value;
  /** What a child has that does not ask for it; its creator’s where this is absent. */
  readonly unasked?: Value;
  /** Of what may be given. */
  readonly schema: JsonSchema;
  /**
   * The canonical value of what was given at `at`.
   * @throws {AppError} `invalid_request` naming `at`, or the item of it
   */
  readonly read: (given: unknown, at: string) => Value;
  /**
   * What a child gets that asks for `asked`.
   * @throws {AppError} `escalation_denied` naming `at`
   */
  readonly within: (own: Value, asked: Value, at: string) => Value;
  /** For one that is written at several places at once; they must say the same where this is absent. */
  readonly merge?: (one: Value, other: Value) => Value;
  /** For one that a document has in another form. */
  readonly document?: {
    readonly write: (value: Value) => unknown;
    /** Of what `write` made; it was checked when it was read first. */
    readonly parse: (written: unknown) => Value;
  };
};

/** How the items of a list are read and compared. */
export type ItemKind = {
  readonly schema: JsonSchema;
  /** The canonical text, or `null` when it is none. */
  readonly normalize: (text: string) => string | null;
  /** What it must be, as the end of "… must be". */
  readonly must: string;
  /** Whether all that `inner` allows is allowed by `outer`. */
  readonly covers: (outer: string, inner: string) => boolean;
};

type Place = {
  readonly path: string;
  readonly aliases?: readonly string[];
  readonly about: string;
};

export function invalid(at: string, message: string): AppError {
  return new AppError('invalid_request', { message: `${at} ${message}.`, param: at });
}

export function unknownField(at: string): AppError {
  return new AppError('invalid_request', { message: `Unknown field: ${at}`, param: at });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function escalation(at: string, message: string): AppError {
  return new AppError('escalation_denied', { message, param: at });
}

/** A list of what is allowed: a child's items must each be within one of its creator's. */
export function allowList<Item extends string = string>(
  place: Place,
  item: ItemKind,
  maxItems: number,
): PolicyField<readonly Item[] | null> {
  return {
    ...placed(place),
    open: null,
    schema: listSchema(place, item, { minItems: 1, maxItems }),
    read: (given, at) => {
      const items = readItems<Item>(given, at, item, maxItems);
      // It would let nobody in, or, read the other way, everybody.
      if (items.length === 0)
        throw invalid(at, 'must not be empty: leave it out to restrict nothing');
      return items;
    },
    within: (own, asked, at) => {
      if (own === null || asked === null) return asked ?? own;
      const beyond = asked.find((inner) => !own.some((outer) => item.covers(outer, inner)));
      if (beyond === undefined) return asked;
      throw escalation(at, `This key is not allowed ${beyond} itself, so it can’t grant it.`);
    },
  };
}

/** A list of what is refused: a child has its creator's besides its own. */
export function denyList<Item extends string = string>(
  place: Place,
  item: ItemKind,
  maxItems: number,
): PolicyField<readonly Item[]> {
  return {
    ...placed(place),
    open: [],
    schema: listSchema(place, item, { maxItems }),
    read: (given, at) => readItems<Item>(given, at, item, maxItems),
    merge: (one, other) => [...new Set([...one, ...other])],
    within: (own, asked, at) => {
      const all = [...new Set([...own, ...asked])];
      if (all.length <= maxItems) return all;
      throw invalid(at, `has more than ${maxItems} items together with those of the creating key`);
    },
  };
}

/** A switch. A child may turn it to the side that allows less, never back. */
export function toggle(place: Place, open: boolean): PolicyField<boolean> {
  return {
    ...placed(place),
    open,
    schema: { type: 'boolean', default: open, description: place.about },
    read: readBoolean,
    within: (own, asked, at) => {
      if (own === open || asked === own) return asked;
      throw escalation(
        at,
        `This key has ${at}: ${String(own)} itself, so it can’t grant ${String(asked)}.`,
      );
    },
  };
}

export function placed({ path, aliases = [] }: Place): {
  path: string;
  aliases: readonly string[];
} {
  return { path, aliases };
}

export function readBoolean(given: unknown, at: string): boolean {
  if (typeof given === 'boolean') return given;
  throw invalid(at, 'must be true or false');
}

export function readItems<Item extends string>(
  given: unknown,
  at: string,
  item: ItemKind,
  maxItems: number,
): Item[] {
  if (!Array.isArray(given)) throw invalid(at, 'must be a list');
  if (given.length > maxItems) throw invalid(at, `must have at most ${maxItems} items`);
  const items = given.map((value: unknown, index) => {
    const text = typeof value === 'string' ? item.normalize(value) : null;
    if (text === null) throw invalid(`${at}[${index}]`, `must be ${item.must}`);
    return text as Item;
  });
  return [...new Set(items)];
}

function listSchema(place: Place, item: ItemKind, bounds: JsonSchema): JsonSchema {
  return { type: ['array', 'null'], items: item.schema, ...bounds, description: place.about };
}
