/**
 * Every error the product can answer with: its HTTP status, its OpenAI-style `type`, and the message that is used when
 * the place that raises it has nothing more exact to say. One page per code stands in `docs/errors/`.
 * The messages of `missing_api_key`, `invalid_api_key` and `insufficient_credits` are part of the public contract, word for word.
 */
export const ERROR_CODES = {
  invalid_request: [400, 'invalid_request_error', 'The request is not valid.'],
  invalid_json: [400, 'invalid_request_error', 'The request body is not valid JSON.'],
  context_length_exceeded: [
    400,
    'invalid_request_error',
    'The request has more tokens than the model reads.',
  ],
  token_limit_exceeded: [
    400,
    'invalid_request_error',
    'The request asks for more tokens than this API key may ask for.',
  ],
  missing_api_key: [401, 'authentication_error', 'No API key provided'],
  invalid_api_key: [401, 'authentication_error', 'Invalid API key provided'],
  expired_api_key: [401, 'authentication_error', 'This API key has expired.'],
  revoked_api_key: [401, 'authentication_error', 'This API key has been revoked.'],
  signature_required: [401, 'authentication_error', 'This API key takes signed requests only.'],
  signature_invalid: [401, 'authentication_error', 'The request’s signature is not valid.'],
  timestamp_out_of_range: [
    401,
    'authentication_error',
    'The request was signed too long ago, or in the future.',
  ],
  nonce_replayed: [401, 'authentication_error', 'A request with this nonce was taken already.'],
  invalid_credentials: [401, 'authentication_error', 'The email or the password is wrong.'],
  insufficient_credits: [
    402,
    'payment_required',
    'Insufficient credits. Please add credits to continue.',
  ],
  key_disabled: [403, 'permission_error', 'This API key is disabled.'],
  key_pending_approval: [403, 'permission_error', 'This API key waits for approval.'],
  insufficient_scope: [403, 'permission_error', 'This API key lacks the scope that is needed.'],
  read_only_key: [403, 'permission_error', 'This API key is read-only'],
  model_not_allowed: [403, 'permission_error', 'This API key may not use this model.'],
  operation_not_allowed: [403, 'permission_error', 'This API key may not do this operation.'],
  provider_not_allowed: [
    403,
    'permission_error',
    'This API key may not use any provider of this model.',
  ],
  feature_not_allowed: [403, 'permission_error', 'This API key may not use this feature.'],
  ip_not_allowed: [403, 'permission_error', 'This API key may not be used from this address.'],
  country_not_allowed: [403, 'permission_error', 'This API key may not be used from this country.'],
  https_required: [403, 'permission_error', 'This API key may be used over HTTPS only.'],
  origin_not_allowed: [403, 'permission_error', 'This API key may not be used from this origin.'],
  referrer_not_allowed: [403, 'permission_error', 'This API key may not be used from this page.'],
  user_agent_not_allowed: [
    403,
    'permission_error',
    'This API key may not be used with this user agent.',
  ],
  environment_rule_violated: [
    403,
    'permission_error',
    'This API key breaks a rule of its environment.',
  ],
  escalation_denied: [403, 'permission_error', 'A key can’t grant more than it has itself.'],
  approval_required: [403, 'permission_error', 'Somebody else has to approve this.'],
  not_found: [404, 'not_found_error', 'There is nothing here.'],
  model_not_found: [404, 'not_found_error', 'There is no such model.'],
  conflict: [409, 'conflict_error', 'This conflicts with what is there already.'],
  precondition_failed: [412, 'conflict_error', 'It was changed meanwhile.'],
  idempotency_in_progress: [
    409,
    'conflict_error',
    'A request with this Idempotency-Key is still running. Try again shortly.',
  ],
  idempotency_key_reused: [
    422,
    'conflict_error',
    'This Idempotency-Key was used for a different request.',
  ],
  request_too_large: [413, 'invalid_request_error', 'The request is too large.'],
  rate_limit_exceeded: [429, 'rate_limit_error', 'Too many requests. Try again later.'],
  budget_exceeded: [429, 'rate_limit_error', 'The budget is used up.'],
  concurrency_limit_exceeded: [429, 'rate_limit_error', 'Too many requests run at once.'],
  internal_server_error: [500, 'server_error', 'Something went wrong on our side.'],
  upstream_error: [502, 'server_error', 'The provider did not give a usable answer.'],
  model_overloaded: [503, 'server_error', 'The model is overloaded. Try again later.'],
  service_unavailable: [503, 'server_error', 'The service is not available right now. Try again.'],
  upstream_timeout: [504, 'server_error', 'The provider did not answer in time.'],
} as const satisfies Record<string, readonly [status: number, type: string, message: string]>;

export type ErrorCode = keyof typeof ERROR_CODES;
