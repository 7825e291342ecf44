import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';

import { AppError } from '#common/errors/app-error.js';

import { schemaInstance } from './schema-instance.js';

const ajv = new Ajv2020({ strict: false, multipleOfPrecision: 9 });
addFormats.default(ajv);

const STEP = {
  type: 'object',
  properties: {
    explanation: { type: 'string' },
    next: { anyOf: [{ $ref: '#/$defs/step' }, { type: 'null' }] },
  },
  required: ['explanation', 'next'],
  additionalProperties: false,
};

const SCHEMAS: Record<string, object> = {
  'an empty object': { type: 'object' },
  'required properties in their order': {
    type: 'object',
    properties: { b: { type: 'integer' }, a: { type: 'boolean' }, c: { type: 'string' } },
    required: ['a', 'b', 'extra'],
    additionalProperties: { type: 'number' },
  },
  'a recursive definition': { $ref: '#/$defs/step', $defs: { step: STEP } },
  'a tree that is its own root': {
    type: 'object',
    properties: { children: { type: 'array', items: { $ref: '#' } } },
    required: ['children'],
  },
  'numbers between bounds': {
    type: 'array',
    prefixItems: [
      { type: 'integer', minimum: 3 },
      { type: 'integer', exclusiveMinimum: 3, multipleOf: 5 },
      { type: 'number', exclusiveMinimum: 0.5, exclusiveMaximum: 0.6 },
      { type: 'number', maximum: -7.5 },
      { type: 'integer', exclusiveMaximum: -7 },
      { type: 'number', multipleOf: 0.1, minimum: 0.25 },
    ],
    minItems: 6,
  },
  'lists with a least length': {
    type: 'array',
    items: { type: 'string', minLength: 9 },
    minItems: 3,
  },
  'short strings': { type: 'string', maxLength: 2 },
  'enum, const and default': {
    type: 'object',
    properties: { e: { enum: ['x', 'y'] }, c: { const: 4 }, d: { pattern: '^z$', default: 'z' } },
    required: ['e', 'c', 'd'],
  },
  'several types': { type: ['string', 'null'] },
  'types told by keywords': {
    properties: { a: { items: { minimum: 2 }, minItems: 1 } },
    required: ['a'],
  },
  'allOf beside properties': {
    type: 'object',
    properties: { a: { type: 'string' } },
    required: ['a'],
    allOf: [{ properties: { b: { type: 'integer' } }, required: ['b'] }, { $ref: '#/$defs/c~1d' }],
    $defs: { 'c/d': { properties: { c: { type: 'null' } }, required: ['c'] } },
  },
  'oneOf objects': {
    oneOf: [
      { type: 'object', properties: { kind: { const: 'cat' } }, required: ['kind'] },
      { type: 'object', properties: { kind: { const: 'dog' } }, required: ['kind'] },
    ],
  },
  formats: {
    type: 'array',
    prefixItems: [
      'date-time',
      'date',
      'time',
      'duration',
      'email',
      'hostname',
      'ipv4',
      'ipv6',
      'uri',
      'uuid',
    ].map((format) => ({ type: 'string', format })),
    minItems: 10,
  },
};

/** Level n asks for level n + 1 twice: 32,768 times the last. */
const DOUBLING: Record<string, object> = { 15: {} };
for (let level = 0; level < 15; level += 1) {
  const next = { $ref: `#/$defs/${level + 1}` };
  DOUBLING[level] = { allOf: [next, next] };
}

describe('schemaInstance', () => {
  it.each(Object.entries(SCHEMAS))(
    'makes an instance for %s that the schema accepts',
    (_, schema) => {
      const instance = JSON.parse(JSON.stringify(schemaInstance(schema, 'schema'))) as unknown;
      const isValid = ajv.compile(schema);
      expect(isValid(instance), JSON.stringify({ instance, errors: isValid.errors })).toBe(true);
      expect(schemaInstance(schema, 'schema')).toEqual(instance);
    },
  );

  it('leaves out what is not required', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } } };
    expect(schemaInstance(schema, 'schema')).toEqual({});
  });

  it('keeps properties in the order of the schema', () => {
    expect(
      JSON.stringify(schemaInstance(SCHEMAS['required properties in their order'], 'schema')),
    ).toBe('{"b":0,"a":true,"extra":0}');
  });

  it('makes a property named __proto__ without touching the prototype', () => {
    const schema: unknown = JSON.parse(
      '{"type":"object","properties":{"__proto__":{"type":"object","properties":{"x":{"const":1}},"required":["x"]}},"required":["__proto__"]}',
    );
    const instance = schemaInstance(schema, 'schema') as object;
    expect(Object.getPrototypeOf(instance)).toBe(Object.prototype);
    expect(JSON.stringify(instance)).toBe('{"__proto__":{"x":1}}');
  });

  it.each<[string, unknown]>([
    ['nests without end', { type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] }],
    ['refers to itself', { $ref: '#' }],
    ['refers to nothing', { $ref: '#/$defs/none' }],
    ['refers elsewhere', { $ref: 'https://example.com/schema.json' }],
    ['refers to an inherited name', { $ref: '#/constructor' }],
    ['wants a huge list', { type: 'array', items: {}, minItems: 1e9 }],
    ['wants an endless list', { type: 'array', items: {}, minItems: Infinity }],
    ['wants a huge text', { type: 'string', minLength: 1e9 }],
    [
      'repeats a large constant',
      { type: 'array', items: { const: 'x'.repeat(1000) }, minItems: 100 },
    ],
    [
      'doubles at every level',
      {
        $ref: '#/$defs/0',
        $defs: DOUBLING,
      },
    ],
  ])('refuses a schema that %s, quickly', (_, schema) => {
    const start = performance.now();
    expect(() => schemaInstance(schema, 'the.param')).toThrow(AppError);
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it('bounds what a wide schema behind many references costs', () => {
    const names = Array.from({ length: 5_000 }, (_, index) => `property${index}`);
    const wide = { properties: Object.fromEntries(names.map((name) => [name, {}])) };
    const allOf = Array.from({ length: 5_000 }, () => ({ $ref: '#/$defs/wide' }));
    const start = performance.now();
    expect(() => schemaInstance({ allOf, $defs: { wide } }, 'schema')).toThrow(AppError);
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});
