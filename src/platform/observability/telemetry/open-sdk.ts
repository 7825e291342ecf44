import { type MeterProvider as MeterProviderPort, TraceFlags } from '@opentelemetry/api';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import {
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import {
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';

import type { TelemetryConfig } from '#platform/config/telemetry-config.js';

import type { ExportCounts } from './export-counts.js';
import type { OpenedTelemetry } from './telemetry.js';

const SCOPE = 'latchkey';

type Closable = { shutdown(): Promise<void> };

/**
 * Starts what the configuration asks for. The packages read the rest of the standard variables themselves: headers,
 * timeout, compression and certificates of the exporters, the sampler, the attributes of the resource.
 */
export async function openSdk(
  config: TelemetryConfig,
  counts: ExportCounts,
): Promise<OpenedTelemetry> {
  const resource = resourceFromAttributes({ 'service.name': 'latchkey' }).merge(
    detectResources({ detectors: [envDetector] }),
  );
  const traces = await openTraces(config, resource, counts);
  const metrics = await openMetrics(config, resource, counts);
  const closables: Closable[] = [traces, metrics].filter((provider) => provider !== null);
  return {
    tracer: traces?.getTracer(SCOPE) ?? null,
    meter: (metrics as MeterProviderPort | null)?.getMeter(SCOPE) ?? null,
    close: async () => {
      await Promise.all(closables.map((provider) => provider.shutdown()));
    },
  };
}

async function openTraces(
  { tracesUrl: url, protocol, maxQueuedSpans }: TelemetryConfig,
  resource: Resource,
  counts: ExportCounts,
): Promise<BasicTracerProvider | null> {
  if (url === null) return null;
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  const processor = new CountingSpanProcessor(
    new OTLPTraceExporter({ url }),
    maxQueuedSpans,
    counts,
  );
  return new BasicTracerProvider({ resource, spanProcessors: [processor] });
}

async function openMetrics(
  { metricsUrl: url, protocol, metricIntervalMs }: TelemetryConfig,
  resource: Resource,
  counts: ExportCounts,
): Promise<MeterProvider | null> {
  if (url === null) return null;
  const { OTLPMetricExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-metrics-otlp-http')
      : await import('@opentelemetry/exporter-metrics-otlp-proto');
  const exporter: PushMetricExporter = new OTLPMetricExporter({ url });
  watch(exporter, (_metrics, error) => counts.ended('metrics', error));
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: metricIntervalMs,
  });
  return new MeterProvider({ resource, readers: [reader] });
}

/** Drops by itself what the queue has no room for, so that it can be counted. */
class CountingSpanProcessor extends BatchSpanProcessor {
  #waiting = 0;

  constructor(
    exporter: SpanExporter,
    private readonly maxQueuedSpans: number,
    private readonly counts: ExportCounts,
  ) {
    watch(exporter, ({ length }, error) => {
      counts.ended('traces', error);
      if (error) counts.dropped(length);
      else counts.exported(length);
    });
    super(exporter, { maxQueueSize: maxQueuedSpans });
    const send = exporter.export.bind(exporter);
    exporter.export = (spans, done) => {
      this.#waiting -= spans.length;
      send(spans, done);
    };
  }

  override onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    if (this.#waiting >= this.maxQueuedSpans) {
      this.counts.dropped(1);
      return;
    }
    this.#waiting++;
    super.onEnd(span);
  }
}

type Exporter<T> = { export(items: T, done: (result: ExportResult) => void): void };

/** Tells how each export ends. */
function watch<T>(exporter: Exporter<T>, ended: (items: T, error: Error | undefined) => void) {
  const send = exporter.export.bind(exporter);
  exporter.export = (items, done) =>
    send(items, (result) => {
      const isTaken = result.code === ExportResultCode.SUCCESS;
      ended(items, isTaken ? undefined : (result.error ?? new Error('It was not taken.')));
      done(result);
    });
}
