import { describe, expect, it } from 'vitest';

import { AppError } from '#common/errors/app-error.js';
import { ERROR_CODES, type ErrorCode } from '#common/errors/error-codes.js';
import { envelopeOf, errorHeaders, renderError } from '#platform/http/error-envelopes.js';

import { API_DOCUMENT, OPERATIONS, Schemas } from './api-document.js';

/** What clients program against: status and type of each code. Code may change behind it; this table may only grow. */
const TABLE: Readonly<Record<string, readonly [status: number, type: string]>> = {
  invalid_request: [400, 'invalid_request_error'],
  invalid_json: [400, 'invalid_request_error'],
  unsupported_model: [400, 'invalid_request_error'],
  context_length_exceeded: [400, 'invalid_request_error'],
  token_limit_exceeded: [400, 'invalid_request_error'],
  missing_api_key: [401, 'authentication_error'],
  invalid_api_key: [401, 'authentication_error'],
  expired_api_key: [401, 'authentication_error'],
  revoked_api_key: [401, 'authentication_error'],
  signature_required: [401, 'authentication_error'],
  signature_invalid: [401, 'authentication_error'],
  timestamp_out_of_range: [401, 'authentication_error'],
  nonce_replayed: [401, 'authentication_error'],
  invalid_credentials: [401, 'authentication_error'],
  insufficient_credits: [402, 'payment_required'],
  key_disabled: [403, 'permission_error'],
  key_pending_approval: [403, 'permission_error'],
  insufficient_scope: [403, 'permission_error'],
  read_only_key: [403, 'permission_error'],
  operation_not_allowed: [403, 'permission_error'],
  model_not_allowed: [403, 'permission_error'],
  provider_not_allowed: [403, 'permission_error'],
  feature_not_allowed: [403, 'permission_error'],
  ip_not_allowed: [403, 'permission_error'],
  country_not_allowed: [403, 'permission_error'],
  https_required: [403, 'permission_error'],
  origin_not_allowed: [403, 'permission_error'],
  referrer_not_allowed: [403, 'permission_error'],
  user_agent_not_allowed: [403, 'permission_error'],
  environment_rule_violated: [403, 'permission_error'],
  escalation_denied: [403, 'permission_error'],
  approval_required: [403, 'permission_error'],
  not_found: [404, 'not_found_error'],
  model_not_found: [404, 'not_found_error'],
  conflict: [409, 'conflict_error'],
  precondition_failed: [412, 'conflict_error'],
  idempotency_in_progress: [409, 'conflict_error'],
  idempotency_key_reused: [422, 'conflict_error'],
  request_too_large: [413, 'invalid_request_error'],
  rate_limit_exceeded: [429, 'rate_limit_error'],
  budget_exceeded: [429, 'rate_limit_error'],
  concurrency_limit_exceeded: [429, 'rate_limit_error'],
  internal_server_error: [500, 'server_error'],
  upstream_error: [502, 'server_error'],
  model_overloaded: [503, 'server_error'],
  service_unavailable: [503, 'server_error'],
  upstream_timeout: [504, 'server_error'],
};
/** Word for word. */
const FIXED_MESSAGES = {
  missing_api_key: 'No API key provided',
  invalid_api_key: 'Invalid API key provided',
  read_only_key: 'This API key is read-only',
} as const;
const ANTHROPIC_TYPES = [
  'invalid_request_error',
  'authentication_error',
  'billing_error',
  'permission_error',
  'not_found_error',
  'request_too_large',
  'rate_limit_error',
  'api_error',
  'overloaded_error',
];

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];
const REQUEST = 'req_0000000000000000000000';
const schemas = new Schemas(true);

describe.each(CODES)('%s', (code) => {
  const error = new AppError(code, { param: 'field', details: { fact: 1 } });
  const [status, type, message] = ERROR_CODES[code];

  it('has the status and the type of the contract', () => {
    expect([status, type]).toEqual(TABLE[code]);
  });

  it('has OpenAI’s envelope unless the surface has its own', () => {
    for (const path of ['/v1/keys', '/openai/v1/models', '/', '/v1/messagesx', '/managed']) {
      expect(renderError(error, REQUEST, path).body).toEqual({
        error: { message, type, code, param: 'field', request_id: REQUEST, details: { fact: 1 } },
      });
    }
    const bare = renderError(new AppError(code), REQUEST, '/v1/keys').body;
    expect(bare).toEqual({ error: { message, type, code, param: null, request_id: REQUEST } });
  });

  it('is a text on /manage', () => {
    for (const path of ['/manage', '/manage/api-keys', '/v1/manage/users/balance', '//MANAGE']) {
      expect(renderError(error, REQUEST, path).body).toEqual({ error: message });
    }
  });

  it('is a problem on /api/v1', () => {
    const { contentType, body } = renderError(error, REQUEST, '/api/v1/billing/invoices');
    expect(contentType).toMatch(/^application\/problem\+json/);
    expect(body).toEqual({
      type: `urn:latchkey:error:${code}`,
      title: expect.stringMatching(/^[A-Z]/) as string,
      status,
      detail: message,
      instance: `urn:latchkey:request:${REQUEST}`,
      code,
      request_id: REQUEST,
    });
  });

  it('has a type that Anthropic’s clients know on /v1/messages', () => {
    const { body } = renderError(error, REQUEST, '/v1/messages');
    expect(body).toEqual({
      type: 'error',
      error: { type: expect.any(String) as string, message },
      request_id: REQUEST,
    });
    expect(ANTHROPIC_TYPES).toContain((body.error as { type: string }).type);
  });

  it('looks as the schema of its surface says', () => {
    for (const path of ['/v1/keys', '/manage/api-keys', '/api/v1/billing', '/v1/messages']) {
      const schema = { $ref: `#/components/schemas/${envelopeOf(path).schema}` };
      expect(schemas.problemsOf(schema, renderError(error, REQUEST, path).body), path).toEqual([]);
    }
  });

  it('carries a challenge exactly when it is a 401', () => {
    expect('www-authenticate' in errorHeaders(error)).toBe(status === 401);
  });
});

describe('the table of error codes', () => {
  it('has the messages that are part of the contract', () => {
    for (const [code, message] of Object.entries(FIXED_MESSAGES)) {
      expect(ERROR_CODES[code as keyof typeof FIXED_MESSAGES][2]).toBe(message);
    }
  });

  it('is the one of openapi.json', () => {
    const { properties } = API_DOCUMENT.components.schemas.Error as {
      properties: { error: { properties: Record<string, { enum?: string[] }> } };
    };
    expect(properties.error.properties.code?.enum).toEqual(CODES);
    expect(new Set(properties.error.properties.type?.enum)).toEqual(
      new Set(CODES.map((code) => ERROR_CODES[code][1])),
    );
  });

  it('is shown in openapi.json under its own statuses, each code by some operation', () => {
    const shown = new Set<string>();
    for (const { operationId, responses } of OPERATIONS) {
      for (const [status, { content }] of Object.entries(responses)) {
        for (const code of Object.keys(content?.['application/json']?.examples ?? {})) {
          expect([operationId, code, TABLE[code]?.[0]]).toEqual([
            operationId,
            code,
            Number(status),
          ]);
          shown.add(code);
        }
      }
    }
    expect([...shown].toSorted()).toEqual(CODES.toSorted());
  });
});
