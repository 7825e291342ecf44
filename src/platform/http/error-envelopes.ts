import { STATUS_CODES } from 'node:http';

import type { AppError } from '#common/errors/app-error.js';
import { ERROR_CODES } from '#common/errors/error-codes.js';

export type RenderedError = {
  readonly contentType: string;
  readonly body: Readonly<Record<string, unknown>>;
};
type Renderer = (error: AppError, requestId: string) => RenderedError;

const JSON_TYPE = 'application/json; charset=utf-8';

/** OpenAI's envelope, with the request's id and facts added. */
const openAi: Renderer = (error, requestId) => ({
  contentType: JSON_TYPE,
  body: {
    error: {
      message: error.message,
      type: error.type,
      code: error.code,
      param: error.param,
      request_id: requestId,
      ...(error.details && { details: error.details }),
    },
  },
});

/** The Management API's: a text and nothing else. */
const plainText: Renderer = (error) => ({ contentType: JSON_TYPE, body: { error: error.message } });

/** RFC 9457. `instance` is the request's id, so that it can be quoted to the operator. */
const problem: Renderer = (error, requestId) => ({
  contentType: 'application/problem+json; charset=utf-8',
  body: {
    type: `urn:latchkey:error:${error.code}`,
    title: STATUS_CODES[error.status] ?? 'Error',
    status: error.status,
    detail: error.message,
    instance: `urn:latchkey:request:${requestId}`,
    code: error.code,
    request_id: requestId,
  },
});

const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
};

/** Anthropic's error object (docs: API errors). */
const anthropic: Renderer = (error, requestId) => ({
  contentType: JSON_TYPE,
  body: {
    type: 'error',
    error: {
      type:
        ANTHROPIC_TYPES[error.status] ??
        (error.status < 500 ? 'invalid_request_error' : 'api_error'),
      message: error.message,
    },
    request_id: requestId,
  },
});

export type ErrorEnvelope = {
  /** Of the OpenAPI document. */
  readonly schema: 'Error' | 'ManagementError' | 'Problem' | 'AnthropicError';
  readonly render: Renderer;
};

const OPENAI: ErrorEnvelope = { schema: 'Error', render: openAi };
const MANAGEMENT: ErrorEnvelope = { schema: 'ManagementError', render: plainText };

/** First match wins. It goes by the path because an unknown route has no metadata to go by. */
const SURFACES: readonly (readonly [prefix: string, envelope: ErrorEnvelope])[] = [
  ['/manage', MANAGEMENT],
  ['/v1/manage', MANAGEMENT],
  ['/api/v1', { schema: 'Problem', render: problem }],
  ['/v1/messages', { schema: 'AnthropicError', render: anthropic }],
];

export function envelopeOf(path: string): ErrorEnvelope {
  const plain = `${plainPath(path)}/`;
  return SURFACES.find(([prefix]) => plain.startsWith(`${prefix}/`))?.[1] ?? OPENAI;
}

export function renderError(error: AppError, requestId: string, path: string): RenderedError {
  return envelopeOf(path).render(error, requestId);
}

/** What an odd spelling means. Hardly one of them is a route, but whoever writes it has to understand the refusal. */
function plainPath(path: string): string {
  try {
    return decodeURIComponent(path).toLowerCase().replaceAll(/\/+/g, '/');
  } catch {
    // It can't be decoded, and is refused for that.
    return path;
  }
}

/** The headers that an error carries: its own, and the challenge that RFC 9110 §15.5.2 and RFC 6750 §3 ask of a 401. */
export function errorHeaders(error: AppError): Readonly<Record<string, string>> {
  if (error.status !== ERROR_CODES.missing_api_key[0]) return error.headers ?? {};
  const challenge =
    error.code === 'missing_api_key'
      ? 'Bearer realm="latchkey"'
      : 'Bearer realm="latchkey", error="invalid_token"';
  return { 'www-authenticate': challenge, ...error.headers };
}
