import { invalid, isObject, type JsonObject } from './request-fields.js';
import { numberInstance } from './schema-number.js';

const MAX_DEPTH = 24;
/** Bounds the instance: each value costs a few units, a text its length. */
const MAX_COST = 65_536;
const VALUE_COST = 8;
const MAX_REFERENCE_HOPS = 16;

const FORMATS: Readonly<Record<string, string>> = {
  'date-time': '2025-01-01T00:00:00Z',
  date: '2025-01-01',
  time: '00:00:00Z',
  duration: 'P1D',
  email: 'user@example.com',
  hostname: 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
};

type Walk = {
  readonly root: unknown;
  /** Where the schema stands in the request. */
  readonly param: string;
  costLeft: number;
};

/**
 * A small value that fits a JSON schema (2020-12), always the same for the same schema: required properties only, the
 * fewest items, the first choice. Reads what OpenAI's structured outputs allow; `pattern` and the keywords that forbid
 * (`not`, `if`, `dependentRequired`, `uniqueItems`) are not read, so give such a value a `default` or an `enum`.
 * Throws `invalid_request` with `param` for a schema whose instance would be too large or too deep.
 */
export function schemaInstance(schema: unknown, param: string): unknown {
  return instanceOf(schema, 0, { root: schema, param, costLeft: MAX_COST });
}

function instanceOf(schema: unknown, depth: number, walk: Walk): unknown {
  spend(walk, VALUE_COST);
  if (depth > MAX_DEPTH)
    throw invalid(walk.param, `${walk.param} asks for a value that is too deep.`);
  const flat = flatten(schema, walk, 0);
  const given = givenValue(flat);
  if (given !== undefined) {
    spend(walk, JSON.stringify(given).length);
    return given;
  }
  switch (typeOf(flat)) {
    case 'object':
      return objectInstance(flat, depth, walk);
    case 'array':
      return arrayInstance(flat, depth, walk);
    case 'string':
      return stringInstance(flat, walk);
    case 'number':
      return numberInstance(flat, false);
    case 'integer':
      return numberInstance(flat, true);
    case 'boolean':
      return true;
    default:
      return null;
  }
}

function spend(walk: Walk, cost: number): void {
  walk.costLeft -= cost;
  if (walk.costLeft < 0)
    throw invalid(walk.param, `${walk.param} asks for a value that is too large.`);
}

function givenValue(schema: JsonObject): unknown {
  if (Object.hasOwn(schema, 'const')) return schema.const;
  const { enum: values, examples } = schema;
  if (Array.isArray(values)) return values[0];
  if (Object.hasOwn(schema, 'default')) return schema.default;
  return Array.isArray(examples) ? examples[0] : undefined;
}

/** The schema with its reference, its `allOf` and one of its alternatives merged in; boolean schemas allow anything. */
function flatten(schema: unknown, walk: Walk, hops: number): JsonObject {
  if (!isObject(schema)) return {};
  spend(walk, 1 + Object.keys(objectOr(schema.properties)).length);
  if (hops > MAX_REFERENCE_HOPS)
    throw invalid(walk.param, `${walk.param} refers to itself without end.`);
  const { $ref: reference, allOf, anyOf, oneOf, ...own } = schema;
  const parts: unknown[] = Array.isArray(allOf) ? [...(allOf as unknown[])] : [];
  if (typeof reference === 'string') parts.push(resolve(reference, walk));
  for (const alternatives of [anyOf, oneOf]) {
    if (Array.isArray(alternatives)) parts.push(simplestOf(alternatives));
  }
  return parts.reduce<JsonObject>(
    (merged, part) => merge(merged, flatten(part, walk, hops + 1)),
    own,
  );
}

/** The first alternative that refers to nothing: the others may be the schema itself again. */
function simplestOf(alternatives: readonly unknown[]): unknown {
  const isPlain = (schema: unknown): boolean => !isObject(schema) || schema.$ref === undefined;
  return alternatives.find(isPlain) ?? alternatives[0];
}

function merge(left: JsonObject, right: JsonObject): JsonObject {
  const properties = { ...objectOr(left.properties), ...objectOr(right.properties) };
  const required = [...listOr(left.required), ...listOr(right.required)];
  return { ...right, ...left, properties, required };
}

function objectOr(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function listOr(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** References within the schema, as JSON pointers (RFC 6901): `#`, `#/$defs/step`. */
function resolve(reference: string, walk: Walk): unknown {
  const [start, ...segments] = reference.split('/');
  let target: unknown = start === '#' ? walk.root : undefined;
  for (const segment of segments) {
    const key = unescapePointer(segment);
    const holder: unknown = target;
    const isHeld = typeof holder === 'object' && holder !== null && Object.hasOwn(holder, key);
    target = isHeld ? (holder as JsonObject)[key] : undefined;
  }
  if (target === undefined)
    throw invalid(walk.param, `${walk.param} refers to something that it does not hold.`);
  return target;
}

function unescapePointer(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** The named type, the first of several, or what the keywords tell. */
function typeOf(schema: JsonObject): unknown {
  const { type } = schema;
  if (Array.isArray(type)) return type[0] as unknown;
  if (type !== undefined) return type;
  const has = (...keywords: string[]): boolean =>
    keywords.some((keyword) => schema[keyword] !== undefined);
  if (Object.keys(objectOr(schema.properties)).length > 0 || listOr(schema.required).length > 0) {
    return 'object';
  }
  if (has('items', 'prefixItems', 'minItems')) return 'array';
  if (has('format', 'minLength', 'maxLength', 'pattern')) return 'string';
  return has('minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf')
    ? 'number'
    : undefined;
}

function objectInstance(schema: JsonObject, depth: number, walk: Walk): JsonObject {
  const properties = objectOr(schema.properties);
  const names = new Set(listOr(schema.required).filter((name) => typeof name === 'string'));
  const declared = Object.keys(properties).filter((name) => names.delete(name));
  const valueOf = (name: string): unknown => {
    spend(walk, name.length);
    const isDeclared = Object.hasOwn(properties, name);
    const definition = isDeclared ? properties[name] : schema.additionalProperties;
    return instanceOf(definition, depth + 1, walk);
  };
  // From entries: a property may be called `__proto__`.
  return Object.fromEntries([...declared, ...names].map((name) => [name, valueOf(name)]));
}

function arrayInstance(schema: JsonObject, depth: number, walk: Walk): unknown[] {
  const first = listOr(schema.prefixItems);
  const length = sizeOf(schema.minItems);
  spend(walk, length);
  return Array.from({ length }, (_, index) => {
    const definition = index < first.length ? first[index] : schema.items;
    return instanceOf(definition, depth + 1, walk);
  });
}

function stringInstance(schema: JsonObject, walk: Walk): string {
  const { format, maxLength } = schema;
  const known =
    typeof format === 'string' && Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  if (known !== undefined) return known;
  const length = sizeOf(schema.minLength);
  spend(walk, length);
  const text = 'text'.padEnd(length, 'x');
  return typeof maxLength === 'number' ? text.slice(0, Math.max(0, maxLength)) : text;
}

function sizeOf(minimum: unknown): number {
  return typeof minimum === 'number' && minimum > 0 ? Math.ceil(minimum) : 0;
}
