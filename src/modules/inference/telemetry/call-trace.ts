import type { EndedCall } from '../metrics/route-tallies.js';

/** DI token of the `CallTelemetry`; `null` without OpenTelemetry. */
export const CALL_TELEMETRY = Symbol('inference.call-telemetry');

/** What OpenTelemetry gets to know of one call. */
export type CallTrace = {
  /** For the provider, in the format of the W3C Trace Context; `null` where nobody traces. */
  readonly traceparent: string | null;
  /** Once. */
  end(call: EndedCall): void;
};
