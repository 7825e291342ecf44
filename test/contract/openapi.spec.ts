import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { SCOPES } from '#common/auth/scopes.js';

import { startTestApp, type TestApp } from '../support/app.js';
import { API_DOCUMENT, examplesOf, OPERATIONS, type Schema, Schemas } from './api-document.js';
import { type AppRoute, documentedPath, withRoutes } from './app-routes.js';

/** What describes the API is not a part of it. */
const ABOUT_THE_API = /^\/(docs($|\/)|openapi\.(json|yaml)$)/;
/** OpenAPI has no words for them. */
const WEB_SOCKETS = new Set(['/v1/keys/:id/usage/stream']);
/** Public, for those who can sign what they send, and for people without a session. */
const REFUSED_ALTHOUGH_PUBLIC: Readonly<Record<string, readonly string[]>> = {
  reportLeaks: ['401', '429'],
  reportGithubLeaks: ['401', '429'],
  signUp: ['403', '429'],
  logIn: ['401', '403', '429'],
  requestPasswordReset: ['429'],
  confirmPasswordReset: ['401', '429'],
  acceptInvitation: ['401', '403', '429'],
};

const schemas = new Schemas(true);
let app: TestApp;
let routes: readonly AppRoute[];
beforeAll(async () => {
  ({ app, routes } = await withRoutes(() => startTestApp()));
});
afterAll(() => app.close());

/** The frame of an OpenAPI 3.1 document (spec.openapis.org/oas/v3.1.1), as far as this one uses it. */
const TEXT = { type: 'string', minLength: 1 };
const CONTENT = {
  type: 'object',
  minProperties: 1,
  additionalProperties: {
    type: 'object',
    required: ['schema'],
    properties: { schema: { type: 'object' }, example: true, examples: { type: 'object' } },
    additionalProperties: false,
    not: { required: ['example', 'examples'] },
  },
};
const OPERATION = {
  type: 'object',
  required: ['operationId', 'summary', 'parameters', 'responses', 'tags'],
  properties: {
    operationId: { type: 'string', pattern: '^[a-z][A-Za-z0-9_]*$' },
    summary: TEXT,
    description: TEXT,
    tags: { type: 'array', items: TEXT, minItems: 1 },
    security: { type: 'array', items: { type: 'object', minProperties: 1 } },
    parameters: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'in', 'schema'],
        properties: {
          name: TEXT,
          in: { enum: ['path', 'query', 'header'] },
          required: { type: 'boolean' },
          description: TEXT,
          schema: { type: 'object', required: ['type'] },
        },
        additionalProperties: false,
        if: { properties: { in: { const: 'path' } } },
        then: { required: ['required'], properties: { required: { const: true } } },
      },
    },
    requestBody: {
      type: 'object',
      required: ['content'],
      properties: { content: CONTENT, required: { type: 'boolean' } },
      additionalProperties: false,
    },
    responses: {
      type: 'object',
      propertyNames: { pattern: '^[1-5][0-9][0-9]$' },
      additionalProperties: {
        type: 'object',
        required: ['description'],
        properties: { description: TEXT, content: CONTENT },
        additionalProperties: false,
      },
    },
  },
  patternProperties: { '^x-': true },
  additionalProperties: false,
};
const FRAME = {
  type: 'object',
  required: ['openapi', 'info', 'paths', 'components'],
  properties: {
    openapi: { type: 'string', pattern: String.raw`^3\.1\.\d+$` },
    info: { type: 'object', required: ['title', 'version'] },
    servers: { type: 'array' },
    tags: { type: 'array' },
    paths: {
      type: 'object',
      propertyNames: { pattern: '^/' },
      additionalProperties: {
        type: 'object',
        propertyNames: { enum: ['get', 'put', 'post', 'delete', 'patch', 'head', 'options'] },
        additionalProperties: OPERATION,
      },
    },
    components: {
      type: 'object',
      properties: { schemas: { type: 'object' }, securitySchemes: { type: 'object' } },
      additionalProperties: false,
    },
  },
  additionalProperties: false,
};

/** Everything in the document that is a schema, with where it stands. */
function eachSchema(): { at: string; schema: Schema }[] {
  const named = Object.entries(API_DOCUMENT.components.schemas).map(([at, schema]) => ({
    at,
    schema,
  }));
  const inline = OPERATIONS.flatMap(({ operationId, parameters, requestBody, responses }) => [
    ...parameters.map(({ name, schema }) => ({ at: `${operationId} ${name}`, schema })),
    ...[requestBody, ...Object.values(responses)].flatMap((holder) =>
      Object.values(holder?.content ?? {}).map(({ schema = {} }) => ({ at: operationId, schema })),
    ),
  ]);
  return [...named, ...inline];
}

/** A schema and all schemas in it. */
function* withInner(schema: Schema): Generator<Schema> {
  yield schema;
  const { properties = {}, items = [], oneOf = [], anyOf = [], allOf = [] } = schema;
  const inner = [Object.values(properties as object), items, oneOf, anyOf, allOf] as Schema[][];
  for (const one of inner.flat()) yield* withInner(one);
}

describe('openapi.json', () => {
  it('is an OpenAPI 3.1 document', () => {
    const validate = new Ajv2020({ strict: false, allErrors: true }).compile(FRAME);
    validate(API_DOCUMENT);
    expect(validate.errors).toBeNull();
  });

  it('has schemas of JSON Schema 2020-12 only, with no word that 3.1 has dropped and no dead reference', () => {
    const ajv = new Ajv2020({ strict: false });
    const known = new Set(
      Object.keys(API_DOCUMENT.components.schemas).map((name) => `#/components/schemas/${name}`),
    );
    for (const { at, schema } of eachSchema()) {
      expect(ajv.validateSchema(schema), `${at}: ${ajv.errorsText()}`).toBe(true);
      for (const inner of withInner(schema)) {
        expect(inner, at).not.toHaveProperty('nullable');
        expect(typeof inner.exclusiveMinimum, at).not.toBe('boolean');
        if (inner.$ref !== undefined) expect(known, at).toContain(inner.$ref);
      }
    }
  });

  it('names every operation once', () => {
    const ids = OPERATIONS.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('declares exactly the parameters that stand in each path', () => {
    for (const { path, operationId, parameters } of OPERATIONS) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = parameters.filter((one) => one.in === 'path').map(({ name }) => name);
      expect(declared, operationId).toEqual(inPath);
    }
  });

  it('is what the application serves', async () => {
    const served = await app.call('GET', '/openapi.json', { key: null });
    expect(served.body).toEqual(API_DOCUMENT);
  });

  it('has every route of the application, and no other', () => {
    const served = routes
      // Fastify answers HEAD wherever it answers GET.
      .filter(({ method, url }) => method !== 'HEAD' && !ABOUT_THE_API.test(url))
      .filter(({ url }) => !WEB_SOCKETS.has(url))
      .map(({ method, url }) => `${method} ${documentedPath(url)}`);
    const documented = OPERATIONS.map(({ method, path }) => `${method} ${path}`);
    expect(documented.toSorted()).toEqual(served.toSorted());
    expect(documented.length).toBeGreaterThan(30);
  });
});

describe.each(OPERATIONS.map((operation) => [operation.operationId, operation] as const))(
  '%s',
  (_, operation) => {
    const scope = operation['x-required-scope'];

    it('says which scope it needs, as its route does', () => {
      expect(['public', 'authenticated', ...SCOPES]).toContain(scope);
      const route = routes.find(
        ({ method, url }) => method === operation.method && documentedPath(url) === operation.path,
      );
      expect(route?.endpoint?.scope).toBe(scope);
    });

    it('says who is refused, unless it is public', () => {
      const isPublic = scope === 'public';
      const own = REFUSED_ALTHOUGH_PUBLIC[operation.operationId] ?? [];
      const schemes = operation.security?.flatMap((requirement) => Object.keys(requirement)) ?? [];
      expect(schemes.length > 0).toBe(!isPublic);
      for (const scheme of schemes) {
        expect(API_DOCUMENT.components.securitySchemes).toHaveProperty(scheme);
      }
      for (const status of ['401', '403', '429']) {
        const mayRefuse = !isPublic || own.includes(status);
        expect(status in operation.responses, status).toBe(mayRefuse);
      }
    });

    it('shows an example of its body and of its success', () => {
      const successes = Object.entries(operation.responses).filter(([status]) => status < '300');
      // Besides, a change may have to be approved first.
      const done = successes.filter(([status]) => status !== '202');
      // What a job does is taken and never done at once.
      if (done.length === 0) done.push(...successes);
      expect(done).toHaveLength(1);
      const shown = [operation.requestBody, ...successes.map(([, answer]) => answer)];
      for (const holder of shown.filter((one) => one !== undefined)) {
        const media = Object.values(holder.content ?? {});
        expect(media).not.toHaveLength(0);
        for (const one of media) expect(examplesOf(one)).not.toHaveLength(0);
      }
    });

    it('has no example that its own schema refuses', () => {
      for (const holder of [operation.requestBody, ...Object.values(operation.responses)]) {
        for (const media of Object.values(holder?.content ?? {})) {
          for (const example of examplesOf(media)) {
            expect(schemas.problemsOf(media.schema ?? {}, example)).toEqual([]);
          }
        }
      }
    });
  },
);

it('has no example of a field that the field’s own schema refuses', () => {
  for (const { at, schema } of eachSchema()) {
    for (const { example, ...inner } of withInner(schema)) {
      if (example !== undefined) expect(schemas.problemsOf(inner, example), at).toEqual([]);
    }
  }
});
