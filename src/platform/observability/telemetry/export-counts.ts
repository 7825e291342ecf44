import { Counter, type Registry } from 'prom-client';

import type { Logger } from '../logger.js';

export type Signal = 'traces' | 'metrics';

/** Tells what becomes of telemetry; in the log once when it fails, and once when it works again. */
export class ExportCounts {
  readonly #spans: Counter;
  readonly #failures: Counter;
  readonly #failing = new Set<Signal>();

  constructor(
    private readonly logger: Logger,
    registry: Registry,
  ) {
    const registers = [registry];
    this.#spans = new Counter({
      name: 'latchkey_telemetry_spans_total',
      help: 'Spans by what became of them: exported, or dropped because the collector was too slow or away.',
      labelNames: ['state'],
      registers,
    });
    this.#failures = new Counter({
      name: 'latchkey_telemetry_export_failures_total',
      help: 'Exports that the collector did not take.',
      labelNames: ['signal'],
      registers,
    });
  }

  dropped(spans: number): void {
    this.#spans.inc({ state: 'dropped' }, spans);
  }

  exported(spans: number): void {
    this.#spans.inc({ state: 'exported' }, spans);
  }

  /** @param error `undefined`: the collector took it */
  ended(signal: Signal, error: Error | undefined): void {
    if (error) this.#failures.inc({ signal });
    if ((error !== undefined) === this.#failing.has(signal)) return;
    if (error) {
      this.#failing.add(signal);
      this.logger.warn({ signal, err: error }, 'telemetry can’t be exported');
    } else {
      this.#failing.delete(signal);
      this.logger.info({ signal }, 'telemetry is exported again');
    }
  }
}
