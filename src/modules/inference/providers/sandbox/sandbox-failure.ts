import { type SandboxAnswer } from './sandbox-call.js';

/** Status → the `type` and `code` that go with it. */
const KINDS: Readonly<Record<number, readonly [type: string, code: string]>> = {
  401: ['authentication_error', 'invalid_api_key'],
  402: ['payment_required', 'insufficient_credits'],
  403: ['permission_error', 'operation_not_allowed'],
  404: ['not_found_error', 'not_found'],
  409: ['conflict_error', 'conflict'],
  413: ['invalid_request_error', 'request_too_large'],
  429: ['rate_limit_error', 'rate_limit_exceeded'],
  502: ['server_error', 'upstream_error'],
  503: ['server_error', 'service_unavailable'],
  504: ['server_error', 'upstream_timeout'],
};

/** The error that `x-latchkey-sandbox-fail` asks for, in OpenAI's shape. */
export function sandboxFailure(status: number): SandboxAnswer {
  const fallback: readonly [string, string] =
    status < 500
      ? ['invalid_request_error', 'invalid_request']
      : ['server_error', 'internal_server_error'];
  const [type, code] = KINDS[status] ?? fallback;
  const message = `The sandbox fails with status ${status}, as x-latchkey-sandbox-fail asked for.`;
  return {
    kind: 'json',
    status,
    body: JSON.stringify({ error: { message, type, code, param: null } }),
  };
}
