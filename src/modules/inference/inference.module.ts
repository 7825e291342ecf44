import { Module } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { CatalogModule } from '#modules/catalog/index.js';
import { KeysModule } from '#modules/keys/index.js';
import { LimitsModule } from '#modules/limits/index.js';
import { UsageModule } from '#modules/usage/index.js';
import { Telemetry } from '#platform/observability/telemetry/telemetry.js';

import { AdmissionService } from './admission.service.js';
import { CallForeseerService } from './call-foreseer.service.js';
import { CallAudit } from './call-audit.js';
import { CallRecorder } from './call-recorder.js';
import { CurrentCaller } from './current-caller.js';
import { ExchangeRunner } from './exchange-runner.service.js';
import { InferenceDoor } from './inference-door.js';
import { InferenceController } from './inference.controller.js';
import { InferencePipeline } from './inference-pipeline.service.js';
import { TokenCounter } from './metering/token-counter.js';
import { InferenceMetrics } from './metrics/inference.metrics.js';
import { RunningCallsMetrics } from './metrics/running-calls.metrics.js';
import { CallAllowances } from './limits/call-allowances.service.js';
import { OpenAiCompatibleAdapter } from './providers/openai-compatible/openai-compatible.adapter.js';
import { ProviderAdapters } from './providers/provider-adapters.js';
import { SandboxAdapter } from './providers/sandbox/sandbox.adapter.js';
import { RouterService } from './router.service.js';
import { RouteSpeeds } from './routing/route-speeds.js';
import { RunningCalls } from './running-calls.service.js';
import { CALL_TELEMETRY } from './telemetry/call-trace.js';
import { Deadlines } from './upstream/deadlines.js';
import { UpstreamPools } from './upstream/upstream-pools.js';

@Module({
  imports: [CatalogModule, KeysModule, LimitsModule, UsageModule],
  controllers: [InferenceController],
  providers: [
    AdmissionService,
    CallAllowances,
    CallForeseerService,
    CallAudit,
    CallRecorder,
    {
      provide: CALL_TELEMETRY,
      // Without OpenTelemetry not even its code is loaded.
      useFactory: async (telemetry: Telemetry, clock: Clock) => {
        if (!telemetry.isOn) return null;
        const { CallTelemetry } = await import('./telemetry/call-telemetry.js');
        return new CallTelemetry(telemetry, clock);
      },
      inject: [Telemetry, Clock],
    },
    CurrentCaller,
    Deadlines,
    ExchangeRunner,
    InferenceDoor,
    InferenceMetrics,
    InferencePipeline,
    OpenAiCompatibleAdapter,
    ProviderAdapters,
    RouterService,
    RouteSpeeds,
    RunningCalls,
    RunningCallsMetrics,
    SandboxAdapter,
    TokenCounter,
    UpstreamPools,
  ],
})
export class InferenceModule {}
