import { readFileSync } from 'node:fs';

import addFormats from 'ajv-formats';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

export type Schema = Record<string, unknown>;
export type MediaType = {
  readonly schema?: Schema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
};
export type Response = {
  readonly description: string;
  readonly content?: Readonly<Record<string, MediaType>>;
};
type OperationObject = {
  readonly operationId: string;
  readonly summary?: string;
  readonly 'x-required-scope'?: string;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, MediaType>> };
  readonly responses: Readonly<Record<string, Response>>;
};
export type ApiDocument = {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly securitySchemes: Readonly<Record<string, unknown>>;
  };
};
/** One operation, with where it is. */
export type Operation = OperationObject & { readonly method: string; readonly path: string };

const BASE = 'openapi.json';
const FILE = new URL('../../openapi.json', import.meta.url);

/** The committed document. */
export const API_DOCUMENT = JSON.parse(readFileSync(FILE, 'utf8')) as ApiDocument;

export const OPERATIONS: readonly Operation[] = Object.entries(API_DOCUMENT.paths).flatMap(
  ([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      ...operation,
      method: method.toUpperCase(),
      path,
    })),
);

/** Every example of a body or an answer. */
export function examplesOf({ example, examples }: MediaType): unknown[] {
  return [
    ...(example === undefined ? [] : [example]),
    ...Object.values(examples ?? {}).map(({ value }) => value),
  ];
}

/** The operation's path with real-looking ids in it. */
export function concretePath(path: string): string {
  return path
    .replaceAll(/\{((user_)?id|token)\}/g, 'doesnotexist')
    .replaceAll('{path}', 'sandbox/echo');
}

/** Judges values by the document's schemas. */
export class Schemas {
  readonly #ajv = addFormats.default(new Ajv2020({ strict: false, allErrors: true }));
  readonly #compiled = new Map<string, ValidateFunction>();

  /** @param close each object as the schema has it and not more: a field that is not named is a mistake */
  constructor(private readonly close: boolean) {
    const schemas = this.#prepared(API_DOCUMENT.components.schemas);
    this.#ajv.addSchema({ $id: BASE, components: { schemas } });
  }

  /** What is wrong with `value`, in words; empty when nothing is. */
  problemsOf(schema: Schema, value: unknown): string[] {
    const validate = this.#compile(schema);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  }

  #prepared(node: unknown): unknown {
    return this.close ? closed(node) : node;
  }

  #compile(schema: Schema): ValidateFunction {
    const text = JSON.stringify(schema);
    const known = this.#compiled.get(text);
    if (known) return known;
    const compiled = this.#ajv.compile(rebased(this.#prepared(schema)) as Schema);
    this.#compiled.set(text, compiled);
    return compiled;
  }
}

/** A copy in which an object schema that names its properties takes no others. */
function closed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closed);
  if (typeof node !== 'object' || node === null) return node;
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, closed(value)]));
  const isOpen = typeof copy.properties === 'object' && copy.additionalProperties === undefined;
  return isOpen ? { ...copy, additionalProperties: false } : copy;
}

/** References within the document, seen from outside. */
function rebased(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(rebased);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      key === '$ref' && typeof value === 'string' ? `${BASE}${value}` : rebased(value),
    ]),
  );
}
