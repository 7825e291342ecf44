import type { IncomingHttpHeaders } from 'node:http';

import { AppError } from '#common/errors/app-error.js';
import type { ErrorCode } from '#common/errors/error-codes.js';
import { scrubSecrets } from '#platform/observability/secret-patterns.js';

import type { Target } from './provider-adapter.js';

const MAX_MESSAGE_LENGTH = 1_000;
/** A shorter credential, such as the `none` of a local server, is no secret but may be an ordinary word. */
const MIN_SECRET_LENGTH = 8;
const MAX_RETRY_AFTER_SECONDS = 3_600;
const TIMEOUTS: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);

/** What a provider's status means to the client. A status that is absent is `upstream_error`. */
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid_request',
  404: 'model_not_found',
  408: 'upstream_timeout',
  413: 'request_too_large',
  422: 'invalid_request',
  429: 'rate_limit_exceeded',
  503: 'model_overloaded',
  504: 'upstream_timeout',
  529: 'model_overloaded',
};
/** Codes whose reason the client can act on, so the provider's own words are handed on. */
const EXPLAINED: ReadonlySet<ErrorCode> = new Set([
  'invalid_request',
  'context_length_exceeded',
  'model_not_found',
  'request_too_large',
]);

type ProviderError = {
  readonly message: string | null;
  readonly param: string | null;
  readonly code: string | null;
};

/** A provider's refusal in our terms. Its words are scrubbed and cut; of a 401 or 5xx nothing is repeated. */
export function upstreamRefusal(
  { providerName: provider, endpoint }: Target,
  status: number,
  headers: IncomingHttpHeaders,
  body: Buffer,
): AppError {
  const error = readError(body, endpoint?.credential?.reveal() ?? '');
  const code = refusalCode(status, error);
  const isExplained = EXPLAINED.has(code);
  const retryAfter = retryAfterOf(headers);
  return new AppError(code, {
    message: (isExplained ? error.message : null) ?? explain(provider, status),
    ...(isExplained && error.param !== null && { param: error.param }),
    details: { provider, upstream_status: status },
    headers: {
      'x-latchkey-provider': provider,
      ...(retryAfter !== null && { 'retry-after': retryAfter }),
    },
    cause: `upstream answered ${status}: ${error.message ?? ''}`,
  });
}

function refusalCode(status: number, error: ProviderError): ErrorCode {
  if (status === 400 && error.code === 'context_length_exceeded') return 'context_length_exceeded';
  return CODE_OF_STATUS[status] ?? 'upstream_error';
}

function explain(provider: string, status: number): string {
  if (status === 429)
    return `The provider ${provider} limits the rate of requests. Try again later.`;
  if (status === 401 || status === 403) {
    return `The provider ${provider} refused the gateway’s credential. Its operator must give a valid one.`;
  }
  return `The provider ${provider} answered with status ${status}.`;
}

/** OpenAI's error object, as far as it is there. */
function readError(body: Buffer, credential: string): ProviderError {
  const none = { message: null, param: null, code: null };
  try {
    const { error } = JSON.parse(body.toString('utf8')) as { error?: unknown };
    if (typeof error !== 'object' || error === null) return none;
    const { message, param, code } = error as Record<string, unknown>;
    const read = (value: unknown): string | null => safeText(value, credential);
    return { message: read(message), param: read(param), code: read(code) };
  } catch {
    // A provider (or a proxy before it) that answers with HTML has nothing for the client.
    return none;
  }
}

function safeText(value: unknown, credential: string): string | null {
  if (typeof value !== 'string' || value === '') return null;
  return withoutSecrets(value, credential).slice(0, MAX_MESSAGE_LENGTH);
}

/** Providers like to quote the key that they refuse, and theirs need not look like anybody's. */
export function withoutSecrets(text: string, credential: string): string {
  const isSecret = credential.length >= MIN_SECRET_LENGTH;
  return scrubSecrets(isSecret ? text.replaceAll(credential, '[redacted]') : text);
}

/** Seconds or a date (RFC 9110 §10.2.3); a date goes by the provider's own clock. */
function retryAfterOf({ 'retry-after': given, date }: IncomingHttpHeaders): string | null {
  if (typeof given !== 'string' || given === '') return null;
  const untilMs = given.endsWith(' GMT') ? Date.parse(given) - Date.parse(date ?? '') : NaN;
  const seconds = Number.isNaN(untilMs) ? Number(given) : Math.max(0, untilMs / 1000);
  if (!Number.isFinite(seconds) || seconds < 0) return null;
  return String(Math.min(Math.ceil(seconds), MAX_RETRY_AFTER_SECONDS));
}

/** A call that got no whole answer: no connection, a reset, silence, bytes that are not HTTP. */
export function upstreamFailure(provider: string, cause: unknown): AppError {
  const errno = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  const code = TIMEOUTS.has(errno) ? 'upstream_timeout' : 'upstream_error';
  const message =
    code === 'upstream_timeout'
      ? `The provider ${provider} did not answer in time.`
      : `The connection to the provider ${provider} failed.`;
  return new AppError(code, {
    message,
    details: { provider },
    headers: { 'x-latchkey-provider': provider },
    cause,
  });
}

/** An answer that is complete as HTTP, but not what was asked for. */
export function unusableAnswer(provider: string, reason: string): AppError {
  return new AppError('upstream_error', {
    message: `The provider ${provider} sent an answer that can’t be used: ${reason}.`,
    details: { provider },
    headers: { 'x-latchkey-provider': provider },
  });
}
