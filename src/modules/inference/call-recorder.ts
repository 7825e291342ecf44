import { Inject, Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { costNanos } from '#common/money/money.js';
import { Clock } from '#common/time/clock.js';
import {
  RefusalCounter,
  type UsageCaller,
  type UsageRecord,
  UsageRecorder,
} from '#modules/usage/index.js';

import { CallAudit } from './call-audit.js';
import { type Finish, isZeroCompletion } from './metering/finish.js';
import { NO_USAGE, type UsageFigures } from './metering/usage-figures.js';
import { InferenceMetrics } from './metrics/inference.metrics.js';
import type { TakenAllowances } from './limits/taken-allowances.js';
import { usedFeatures } from './request/requested-features.js';
import type { RouteSpeed } from './routing/route-speeds.js';
import type { CallTelemetry } from './telemetry/call-telemetry.js';
import { CALL_TELEMETRY } from './telemetry/call-trace.js';
import type { UpstreamCall } from './upstream/provider-adapter.js';

const CLIENT_ERROR = 400;
const SERVER_ERROR = 500;

/** Who called, and when. */
export type CallContext = {
  readonly caller: Principal;
  readonly request: IncomingMessage;
  /** On the clock of `performance.now()`. */
  readonly startedAt: number;
  /** What the call holds of its limits; `null` where nothing limits it. */
  readonly allowances: TakenAllowances | null;
};

export type CallOutcome = {
  readonly status: number;
  readonly outcome: UsageRecord['outcome'];
  /** `null`: nothing was used. */
  readonly usage: UsageFigures | null;
  readonly usageSource: UsageRecord['usageSource'];
  /** Of what completes nothing, `normal`. */
  readonly finish: Finish;
  /** On the clock of `performance.now()`; `null` when no byte came. */
  readonly firstByteAt: number | null;
};

/** Settles and writes down what a call used, once per call, before the client has its last byte. */
@Injectable()
export class CallRecorder {
  constructor(
    private readonly usage: UsageRecorder,
    private readonly refusals: RefusalCounter,
    private readonly metrics: InferenceMetrics,
    private readonly clock: Clock,
    private readonly audit: CallAudit,
    @Inject(CALL_TELEMETRY) private readonly telemetry: CallTelemetry | null,
  ) {}

  get isReady(): boolean {
    return this.usage.isHealthy;
  }

  /** @throws {AppError} `service_unavailable` where what this caller does must be audited, and can't be */
  assertRecordable(caller: Principal): void {
    if (caller.auditedRequests !== null) this.audit.assertRecordable(caller);
  }

  /** Before the call goes out. */
  begin(call: UpstreamCall, context: CallContext): void {
    if (this.telemetry !== null) call.trace = this.telemetry.begin(call, context);
  }

  /** Counts a call that goes no further; not where the fault is ours. */
  recordRefusal(caller: UsageCaller, error: Error): void {
    if (!(error instanceof AppError) || error.status >= 500) return;
    this.refusals.refused(caller);
    this.metrics.refused(error);
  }

  /** @param written gets `null` once the record can’t be lost any more, or why it could not be written */
  record(
    call: UpstreamCall,
    context: CallContext,
    result: CallOutcome,
    written: (error: Error | null) => void,
  ): void {
    const { requestId, surface, request, target, trace } = call;
    const figures = result.usage ?? NO_USAGE;
    const cost = isCharged(result) ? costNanos(target.price, figures) : 0n;
    context.allowances?.settle(result.usage, cost);
    const { startedAt } = context;
    const latencyMs = performance.now() - startedAt;
    const firstByteMs = result.firstByteAt === null ? null : result.firstByteAt - startedAt;
    if (target.speed !== null) learn(target.speed, result.status, firstByteMs);
    const record: UsageRecord = {
      id: requestId,
      caller: context.caller,
      route: target.route,
      occurredAtMs: this.clock.now(),
      surface: surface.name,
      status: result.status,
      outcome: result.outcome,
      stream: request.stream,
      features: usedFeatures(request, surface),
      inputTokens: figures.inputTokens,
      cachedInputTokens: figures.cachedInputTokens,
      outputTokens: figures.outputTokens,
      reasoningTokens: figures.reasoningTokens,
      usageSource: result.usageSource,
      costNanos: cost,
      latencyMs,
      firstByteMs,
    };
    this.usage.record(record, written);
    const { caller } = context;
    if (caller.auditedRequests !== null) this.audit.ended(caller, context.request, record);
    const { status, outcome } = result;
    const ended = {
      status,
      outcome,
      usage: figures,
      costNanos: cost,
      latencyMs,
      firstByteMs,
    };
    this.metrics.observe(surface, target, ended);
    if (trace !== null) trace.end(ended);
  }
}

/** A client that leaves pays for what passed; what came to nothing is not charged. */
function isCharged({ usage, outcome, finish }: CallOutcome): boolean {
  if (usage === null) return false;
  return outcome === 'aborted' || !isZeroCompletion(finish, usage.outputTokens);
}

function learn(speed: RouteSpeed, status: number, firstByteMs: number | null): void {
  if (status >= SERVER_ERROR) speed.failed();
  // What a provider refuses says nothing of how fast it answers.
  else if (status < CLIENT_ERROR && firstByteMs !== null) speed.succeeded(firstByteMs);
}
