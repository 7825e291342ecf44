import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';

import { METRICS } from '#platform/observability/metrics.js';

/** How sealing keeps up. */
@Injectable()
export class SealingMetrics {
  readonly #sealed: Counter;
  readonly #foreign: Counter;
  readonly #lag: Gauge;

  constructor(@Inject(METRICS) registry: Registry) {
    const registers = [registry];
    this.#sealed = new Counter({
      name: 'latchkey_audit_entries_sealed_total',
      help: 'Entries of the audit log that this instance has sealed into their chains.',
      registers,
    });
    this.#foreign = new Counter({
      name: 'latchkey_audit_foreign_entries_total',
      help: 'Entries that were found in the audit log without having been written by this installation. Anything but 0 is an attack.',
      registers,
    });
    this.#lag = new Gauge({
      name: 'latchkey_audit_unsealed_seconds',
      help: 'How long the oldest unsealed entry had waited when this instance last began to seal.',
      registers,
    });
  }

  sealed(entries: number, foreign: number): void {
    this.#sealed.inc(entries);
    this.#foreign.inc(foreign);
  }

  waited(now: number, waiting: readonly { readonly since: Date }[]): void {
    const ages = waiting.map(({ since }) => now - Number(since)).filter(Number.isFinite);
    this.#lag.set(Math.max(0, ...ages) / 1_000);
  }
}
