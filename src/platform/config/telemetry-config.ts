export const OTLP_PROTOCOLS = ['http/protobuf', 'http/json'] as const;
export type OtlpProtocol = (typeof OTLP_PROTOCOLS)[number];

/** Where OpenTelemetry goes. Headers, timeouts, certificates and sampling are read by its own packages. */
export type TelemetryConfig = Readonly<{
  protocol: OtlpProtocol;
  /** `null`: no traces. */
  tracesUrl: string | null;
  /** `null`: no metrics. */
  metricsUrl: string | null;
  metricIntervalMs: number;
  /** Spans that may wait to be exported. */
  maxQueuedSpans: number;
}>;

/** Names and meanings are those of the OpenTelemetry Environment Variable Specification. */
type TelemetryVariables = {
  readonly OTEL_SDK_DISABLED?: string;
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string;
  readonly OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string;
  readonly OTEL_EXPORTER_OTLP_METRICS_ENDPOINT?: string;
  readonly OTEL_EXPORTER_OTLP_PROTOCOL: TelemetryConfig['protocol'];
  readonly OTEL_TRACES_EXPORTER: string;
  readonly OTEL_METRICS_EXPORTER: string;
  readonly OTEL_METRIC_EXPORT_INTERVAL: number;
  readonly OTEL_BSP_MAX_QUEUE_SIZE: number;
};

/** `null`: nothing is exported. */
export function toTelemetry(env: TelemetryVariables): TelemetryConfig | null {
  const urlOf = (exporter: string, own: string | undefined, path: string): string | null => {
    const base = env.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, '');
    if (exporter === 'none' || env.OTEL_SDK_DISABLED === 'true') return null;
    return own ?? (base === undefined ? null : base + path);
  };
  const tracesUrl = urlOf(
    env.OTEL_TRACES_EXPORTER,
    env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    '/v1/traces',
  );
  const metricsUrl = urlOf(
    env.OTEL_METRICS_EXPORTER,
    env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT,
    '/v1/metrics',
  );
  if (tracesUrl === null && metricsUrl === null) return null;
  return Object.freeze({
    protocol: env.OTEL_EXPORTER_OTLP_PROTOCOL,
    tracesUrl,
    metricsUrl,
    metricIntervalMs: env.OTEL_METRIC_EXPORT_INTERVAL,
    maxQueuedSpans: env.OTEL_BSP_MAX_QUEUE_SIZE,
  });
}
