import {
  type Attributes,
  type Context,
  type Histogram,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import type { IncomingHttpHeaders } from 'node:http';

import type { Clock } from '#common/time/clock.js';
import type { Telemetry } from '#platform/observability/telemetry/telemetry.js';

import type { CallContext } from '../call-recorder.js';
import { RouteNames } from '../metrics/route-labels.js';
import type { EndedCall } from '../metrics/route-tallies.js';
import type { Surface } from '../surface.js';
import type { Target, UpstreamCall } from '../upstream/provider-adapter.js';
import type { CallTrace } from './call-trace.js';

/** Names of the semantic conventions for generative AI. */
const OPERATIONS: Record<Surface['name'], string> = {
  'chat.completions': 'chat',
  completions: 'text_completion',
  embeddings: 'embeddings',
};
/** Of providers in the shipped catalog that the conventions have another name for. */
const WELL_KNOWN = new Map([
  ['mistral', 'mistral_ai'],
  ['gemini', 'gcp.gemini'],
]);
const DURATION_BUCKETS_S = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
const TOKEN_BUCKETS = [
  1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216,
  67_108_864,
];
const NANOS_PER_USD = 1e9;
const GETTER = {
  keys: (headers: IncomingHttpHeaders) => Object.keys(headers),
  get: (headers: IncomingHttpHeaders, name: string) => headers[name],
};

/** Spans and metrics of inference by OpenTelemetry's conventions. Of what is said in a call it knows nothing. */
export class CallTelemetry {
  readonly #propagator = new W3CTraceContextPropagator();
  readonly #names = new RouteNames();
  readonly #duration: Histogram | null;
  readonly #tokens: Histogram | null;

  constructor(
    private readonly telemetry: Telemetry,
    private readonly clock: Clock,
  ) {
    const { meter } = telemetry;
    this.#duration =
      meter?.createHistogram('gen_ai.client.operation.duration', {
        description: 'GenAI operation duration.',
        unit: 's',
        advice: { explicitBucketBoundaries: DURATION_BUCKETS_S },
      }) ?? null;
    this.#tokens =
      meter?.createHistogram('gen_ai.client.token.usage', {
        description: 'Number of input and output tokens used.',
        unit: '{token}',
        advice: { explicitBucketBoundaries: TOKEN_BUCKETS },
      }) ?? null;
  }

  /** Of a call that is about to go out. */
  begin(call: UpstreamCall, { caller, startedAt }: CallContext): CallTrace {
    const startedAtMs = this.clock.now() - (performance.now() - startedAt);
    const parent = this.#propagator.extract(ROOT_CONTEXT, call.clientHeaders, GETTER);
    const span = this.telemetry.tracer?.startSpan(
      `${OPERATIONS[call.surface.name]} ${call.request.model}`,
      {
        kind: call.target.endpoint === null ? SpanKind.INTERNAL : SpanKind.CLIENT,
        startTime: startedAtMs,
        attributes: {
          ...attributesOf(call),
          'latchkey.request_id': call.requestId,
          'latchkey.key_id': caller.keyId,
          'latchkey.organization_id': caller.organizationId,
        },
      },
      parent,
    );
    return {
      traceparent: traceparentOf(span, parent),
      end: (ended) => {
        if (span?.isRecording()) endSpan(span, call, ended, startedAtMs + ended.latencyMs);
        this.#measure(call, ended);
      },
    };
  }

  #measure({ surface, target }: UpstreamCall, ended: EndedCall): void {
    if (!this.#duration || !this.#tokens) return;
    const attributes: Attributes = {
      'gen_ai.operation.name': OPERATIONS[surface.name],
      'gen_ai.provider.name': providerOf(target),
      'gen_ai.request.model': this.#names.labelsOf(target).model,
    };
    const failure = errorTypeOf(ended);
    this.#duration.record(
      ended.latencyMs / 1_000,
      failure === null ? attributes : { ...attributes, 'error.type': failure },
    );
    const { inputTokens, outputTokens } = ended.usage;
    if (inputTokens + outputTokens === 0) return;
    this.#tokens.record(inputTokens, { ...attributes, 'gen_ai.token.type': 'input' });
    this.#tokens.record(outputTokens, { ...attributes, 'gen_ai.token.type': 'output' });
  }
}

function attributesOf({ surface, request, target }: UpstreamCall): Attributes {
  const { endpoint } = target;
  return {
    'gen_ai.operation.name': OPERATIONS[surface.name],
    'gen_ai.provider.name': providerOf(target),
    'gen_ai.request.model': request.model,
    ...(request.stream && { 'gen_ai.request.stream': true }),
    ...(endpoint && serverOf(new URL(endpoint.origin))),
  };
}

function serverOf({ hostname, port, protocol }: URL): Attributes {
  const standard = protocol === 'https:' ? 443 : 80;
  return { 'server.address': hostname, 'server.port': port === '' ? standard : Number(port) };
}

function providerOf({ providerName }: Target): string {
  return WELL_KNOWN.get(providerName) ?? providerName;
}

function endSpan(span: Span, { target, request }: UpstreamCall, call: EndedCall, at: number): void {
  const { usage, firstByteMs } = call;
  span.setAttributes({
    'http.response.status_code': call.status,
    'gen_ai.usage.input_tokens': usage.inputTokens,
    'gen_ai.usage.output_tokens': usage.outputTokens,
    'gen_ai.usage.cache_read.input_tokens': usage.cachedInputTokens,
    'gen_ai.usage.reasoning.output_tokens': usage.reasoningTokens,
    'latchkey.cost_usd': Number(call.costNanos) / NANOS_PER_USD,
  });
  if (call.outcome !== 'failed') span.setAttribute('gen_ai.response.model', target.upstreamModel);
  if (request.stream && firstByteMs !== null) {
    span.setAttribute('gen_ai.response.time_to_first_chunk', firstByteMs / 1_000);
  }
  const failure = errorTypeOf(call);
  if (failure !== null) {
    span.setAttribute('error.type', failure);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end(at);
}

/** A stream may fail after its 200 was sent. A client that leaves is no failure. */
function errorTypeOf({ outcome, status }: EndedCall): string | null {
  if (outcome !== 'failed') return null;
  return status < 400 ? '_OTHER' : String(status);
}

/** The provider belongs below our span; where there is none, below the client's own. */
function traceparentOf(span: Span | undefined, parent: Context): string | null {
  const given = span?.spanContext() ?? trace.getSpanContext(parent);
  if (!given || !isSpanContextValid(given)) return null;
  return `00-${given.traceId}-${given.spanId}-0${given.traceFlags & TraceFlags.SAMPLED}`;
}
