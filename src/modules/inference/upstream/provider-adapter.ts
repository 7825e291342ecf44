import type { IncomingHttpHeaders } from 'node:http';

import type { AppError } from '#common/errors/app-error.js';
import type { TokenPrice } from '#common/money/money.js';
import type { ProviderEndpoint } from '#modules/catalog/index.js';
import type { UsageRoute } from '#modules/usage/index.js';

import type { InferenceRequest } from '../request/inference-request.js';
import type { RouteSpeed } from '../routing/route-speeds.js';
import type { Surface } from '../surface.js';
import type { CallTrace } from '../telemetry/call-trace.js';

/** Where a call goes. */
export type Target = {
  readonly providerName: string;
  readonly upstreamModel: string;
  readonly price: TokenPrice;
  /** Tokens that the model reads and writes together; `null`: nobody has said. */
  readonly contextLength: number | null;
  /** Tokens that the model writes at most; `null`: nobody has said. */
  readonly maxOutputTokens: number | null;
  /** The same for every call that goes there, for its usage record. */
  readonly route: UsageRoute;
  /** `null`: the built-in sandbox. */
  readonly endpoint: ProviderEndpoint | null;
  /** How fast it has answered, for calls to come; `null` for the sandbox. */
  readonly speed: RouteSpeed | null;
};

/** One call to a provider. */
export type UpstreamCall = {
  readonly requestId: string;
  readonly surface: Surface;
  readonly request: InferenceRequest;
  readonly target: Target;
  readonly clientHeaders: IncomingHttpHeaders;
  /** Set once, before the call goes out; `null` without OpenTelemetry. */
  trace: CallTrace | null;
};

/** How the receiver steers what comes. */
export type UpstreamControl = {
  pause(): void;
  resume(): void;
  /** Ends the call; nothing more is delivered. */
  abort(): void;
};

/** Takes an answer, piece by piece. After `end` or `fail` nothing follows. */
export type UpstreamSink = {
  head(status: number, headers: IncomingHttpHeaders): void;
  data(chunk: Buffer): void;
  end(): void;
  fail(error: AppError): void;
};

/** Speaks to one kind of provider. */
export abstract class ProviderAdapter {
  /** Starts the call; what comes of it goes to `sink`, never synchronously. */
  abstract send(call: UpstreamCall, sink: UpstreamSink): UpstreamControl;
}
