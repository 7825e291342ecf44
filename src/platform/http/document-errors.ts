import type { OpenAPIObject } from '@nestjs/swagger';

import { AppError } from '#common/errors/app-error.js';
import { ERROR_CODES, type ErrorCode } from '#common/errors/error-codes.js';

import { type ErrorEnvelope, envelopeOf } from './error-envelopes.js';

type SchemaObject = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];
type Responses = NonNullable<OpenAPIObject['paths'][string]['get']>['responses'];
type ResponseObject = Extract<Responses[string], { description: string }>;
type ExampleObject = { readonly summary: string; readonly value: unknown };

const EXAMPLE_REQUEST_ID = 'req_4fTqV0mZx1sLwq8nE2bYcA';
const MESSAGE = { type: 'string', description: 'For people: what is wrong and what to do.' };
const CODE = {
  type: 'string',
  enum: Object.keys(ERROR_CODES),
  description: 'For programs. Each has a page under docs/errors.',
};
const REQUEST_ID = { type: 'string', description: 'Quote it when you ask for help.' };

/** An object that always has all of `properties`. */
function objectOf(properties: Record<string, object>, optional: Record<string, object> = {}) {
  return {
    type: 'object',
    required: Object.keys(properties),
    properties: { ...properties, ...optional },
  };
}

const SCHEMAS = {
  Error: objectOf({
    error: objectOf(
      {
        message: MESSAGE,
        type: {
          type: 'string',
          enum: [...new Set(Object.values(ERROR_CODES).map(([, type]) => type))],
        },
        code: CODE,
        param: { type: ['string', 'null'], description: 'The field that is wrong.' },
        request_id: REQUEST_ID,
      },
      { details: { type: 'object', additionalProperties: true } },
    ),
  }),
  ManagementError: objectOf({ error: MESSAGE }),
  Problem: objectOf({
    type: { type: 'string', description: '`urn:latchkey:error:` and the code.' },
    title: { type: 'string', description: 'The status in words.' },
    status: { type: 'integer' },
    detail: MESSAGE,
    instance: { type: 'string', description: '`urn:latchkey:request:` and the request’s id.' },
    code: CODE,
    request_id: REQUEST_ID,
  }),
  AnthropicError: objectOf({
    type: { type: 'string', enum: ['error'] },
    error: objectOf({ type: { type: 'string' }, message: MESSAGE }),
    request_id: REQUEST_ID,
  }),
} satisfies Record<ErrorEnvelope['schema'], object>;

/** How errors look on each surface. */
export const ERROR_SCHEMAS = SCHEMAS as Record<ErrorEnvelope['schema'], SchemaObject>;

/**
 * The answers of a route, with each error as the surface of its path answers it. The route itself says only which codes
 * it may answer (as names of examples), because one route may stand under several paths.
 */
export function showErrors(responses: Responses, path: string): Responses {
  const shown = Object.entries(responses).map(([status, response]) => {
    const isError = Number(status) >= 400 && response !== undefined && 'content' in response;
    return [status, isError ? { ...response, content: contentOf(response, path) } : response];
  });
  return Object.fromEntries(shown) as Responses;
}

function contentOf({ content = {} }: ResponseObject, path: string): ResponseObject['content'] {
  const { schema, render } = envelopeOf(path);
  const codes = Object.values(content).flatMap(({ examples = {} }) => Object.keys(examples));
  const rendered = codes.map((code) => {
    const error = new AppError(code as ErrorCode);
    return { code, ...render(error, EXAMPLE_REQUEST_ID) };
  });
  const mediaType = rendered[0]?.contentType.split(';')[0] ?? 'application/json';
  const examples = rendered.map(({ code, body }) => [code, { summary: code, value: body }]);
  return {
    [mediaType]: {
      schema: { $ref: `#/components/schemas/${schema}` },
      examples: Object.fromEntries(examples) as Record<string, ExampleObject>,
    },
  };
}
