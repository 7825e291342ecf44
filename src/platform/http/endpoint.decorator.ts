import {
  applyDecorators,
  HttpCode,
  SetMetadata,
  type Type,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import {
  ApiBearerAuth,
  ApiBody,
  ApiExtension,
  ApiHeader,
  ApiOperation,
  ApiResponse,
} from '@nestjs/swagger';

import type { Scope } from '#common/auth/scopes.js';
import { ERROR_CODES, type ErrorCode } from '#common/errors/error-codes.js';

import { IdempotencyInterceptor } from './idempotency/idempotency.interceptor.js';
import { ManagementThrottleGuard } from './throttle/management-throttle.guard.js';

export type EndpointOptions = {
  /** Unique in the whole API; SDK generators make method names of it. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** What the caller needs: a scope, any valid credential (`authenticated`), or nothing (`public`). */
  readonly scope: Scope | 'authenticated' | 'public';
  /** On the list of GETs that are all a read-only key may call. */
  readonly allowsReadOnlyKeys?: boolean;
  /**
   * Of a route with a scope that is refused to bounded keys ({@link OF_THE_WHOLE_ORGANIZATION}): keys of a team may call it
   * all the same. The handler leaves them what is of their team, and refuses the rest.
   */
  readonly allowsTeamKeys?: boolean;
  /**
   * `inference`: the handler takes the raw request and does the rest of the authorization itself, and the body is not
   * read before the caller is known.
   */
  readonly kind?: 'management' | 'inference';
  /** The handler reads the raw body itself, as inference always does: nothing parses or bounds it beforehand. */
  readonly readsBody?: boolean;
  /** Also lets in who shows a ticket for this very path in `?ticket=`: pages can set no header of a WebSocket. */
  readonly takesTickets?: boolean;
  /** For a GET that is written to the audit log, as every change is. */
  readonly isAudited?: boolean;
  readonly status?: number;
  /** `[Item]` for an array. */
  readonly response?: Type<unknown> | [Type<unknown>];
  /** Of an answer that is no JSON of ours, one or any of several; `response` is left out then. */
  readonly contentType?: string | readonly string[];
  readonly requestBody?: Type<unknown> | [Type<unknown>];
  /** The body may be left out altogether. */
  readonly isBodyOptional?: boolean;
  readonly requestExample?: unknown;
  readonly example?: unknown;
  readonly errors?: readonly ErrorCode[];
  /** Honours `Idempotency-Key`. `secretFields` of the answer are stored sealed, and forgotten after 10 minutes. */
  readonly idempotent?: { readonly secretFields: readonly string[] };
};

export type EndpointMetadata = Pick<
  EndpointOptions,
  | 'scope'
  | 'allowsReadOnlyKeys'
  | 'allowsTeamKeys'
  | 'kind'
  | 'readsBody'
  | 'takesTickets'
  | 'isAudited'
  | 'idempotent'
>;
export const ENDPOINT = 'latchkey:endpoint';

/** What is done with these is done to everybody in the organization, so a key that more than its scopes bounds does none of it. */
export const OF_THE_WHOLE_ORGANIZATION: ReadonlySet<EndpointOptions['scope']> = new Set([
  'org:write',
  'providers:write',
]);

const ERRORS_OF_ANY_CREDENTIAL: readonly ErrorCode[] = [
  'missing_api_key',
  'invalid_api_key',
  'expired_api_key',
  'revoked_api_key',
  'signature_required',
  'signature_invalid',
  'timestamp_out_of_range',
  'nonce_replayed',
  'invalid_credentials',
  'key_disabled',
  'key_pending_approval',
  'https_required',
  'ip_not_allowed',
  'country_not_allowed',
  'origin_not_allowed',
  'referrer_not_allowed',
  'user_agent_not_allowed',
  'operation_not_allowed',
  'rate_limit_exceeded',
  'service_unavailable',
];

/**
 * Everything that is to be said of a route, once: what it is called, who may call it, what it answers and how it fails.
 * The guard, the status, the idempotency and the OpenAPI document are all made from this one description, so that they
 * can't drift apart. A route without it is refused.
 */
export function Endpoint(options: EndpointOptions): MethodDecorator {
  const { id, summary, description, scope, kind = 'management', status = 200 } = options;
  const metadata = metadataOf(options, kind);
  return applyDecorators(
    SetMetadata(ENDPOINT, metadata),
    RouteConfig({ endpoint: metadata }),
    HttpCode(status),
    ApiOperation({ operationId: id, summary, ...(description !== undefined && { description }) }),
    ApiExtension('x-required-scope', scope),
    ...(scope === 'public' ? [] : [ApiBearerAuth()]),
    ...(scope === 'public' || kind === 'inference' ? [] : [UseGuards(ManagementThrottleGuard)]),
    ...describeRequest(options),
    ...describeAnswers(options, status),
  );
}

function metadataOf(
  options: EndpointOptions,
  kind: NonNullable<EndpointOptions['kind']>,
): EndpointMetadata {
  return {
    scope: options.scope,
    kind,
    ...(options.allowsReadOnlyKeys === true && { allowsReadOnlyKeys: true }),
    readsBody: options.readsBody ?? kind === 'inference',
    ...(options.allowsTeamKeys === true && { allowsTeamKeys: true }),
    ...(options.takesTickets === true && { takesTickets: true }),
    ...(options.isAudited === true && { isAudited: true }),
    ...(options.idempotent && { idempotent: options.idempotent }),
  };
}

function describeRequest({
  requestBody,
  requestExample,
  isBodyOptional = false,
  idempotent,
}: EndpointOptions): MethodDecorator[] {
  return [
    ...(requestBody
      ? [
          ApiBody({
            type: requestBody,
            required: !isBodyOptional,
            ...(requestExample !== undefined && {
              examples: { example: { value: requestExample } },
            }),
          }),
        ]
      : []),
    ...(idempotent
      ? [
          UseInterceptors(IdempotencyInterceptor),
          ApiHeader({
            name: 'Idempotency-Key',
            required: false,
            description:
              'Makes it safe to try again: the same request with the same key within 24 h gets the first answer.',
            schema: { type: 'string', maxLength: 255 },
          }),
        ]
      : []),
  ];
}

function describeAnswers(options: EndpointOptions, status: number): MethodDecorator[] {
  const codes = new Set<ErrorCode>([
    ...(options.scope === 'public' ? [] : ERRORS_OF_ANY_CREDENTIAL),
    ...(options.scope === 'public' || options.scope === 'authenticated'
      ? []
      : (['insufficient_scope'] as const)),
    ...(options.scope === 'public' || options.allowsReadOnlyKeys === true
      ? []
      : (['read_only_key'] as const)),
    ...(OF_THE_WHOLE_ORGANIZATION.has(options.scope) ? (['escalation_denied'] as const) : []),
    ...(options.idempotent ? (['idempotency_in_progress', 'idempotency_key_reused'] as const) : []),
    ...(options.requestBody
      ? (['invalid_request', 'invalid_json', 'request_too_large'] as const)
      : []),
    ...(options.errors ?? []),
    'internal_server_error',
  ]);
  return [success(options, status), ...describeErrors([...codes])];
}

function success(
  { response, example, contentType, summary }: EndpointOptions,
  status: number,
): MethodDecorator {
  const description = `${summary} (success)`;
  if (contentType !== undefined) {
    const content = Object.fromEntries(
      [contentType].flat().map((type) => [type, { schema: { type: 'string' }, example }]),
    );
    return ApiResponse({ status, description, content });
  }
  if (!response) return ApiResponse({ status, description });
  return ApiResponse({
    status,
    description,
    type: response,
    ...(example !== undefined && { example }),
  });
}

/** One OpenAPI response a status, which names each code that it can carry; `showErrors` adds what it looks like. */
function describeErrors(codes: readonly ErrorCode[]): MethodDecorator[] {
  const statuses = new Set(codes.map((code) => ERROR_CODES[code][0]));
  return [...statuses].map((status) => {
    const group = codes.filter((code) => ERROR_CODES[code][0] === status);
    const examples = Object.fromEntries(group.map((code) => [code, { summary: code }]));
    const content = { 'application/json': { examples } };
    return ApiResponse({ status, description: group.join(', '), content });
  });
}
