import type { OnApplicationShutdown } from '@nestjs/common';
import type { Meter, Tracer } from '@opentelemetry/api';
import type { Registry } from 'prom-client';

import { within } from '#common/time/within.js';
import type { TelemetryConfig } from '#platform/config/telemetry-config.js';

import type { Logger } from '../logger.js';
import { ExportCounts } from './export-counts.js';

/** Sends what waits; the exporters give up by themselves after 10 s. */
const SHUTDOWN_MS = 5_000;

/** What an OpenTelemetry SDK that runs has to offer. */
export type OpenedTelemetry = {
  readonly tracer: Tracer | null;
  readonly meter: Meter | null;
  close(): Promise<void>;
};

/** OpenTelemetry where it is configured. Nothing is registered for the whole process: who traces does so explicitly. */
export class Telemetry implements OnApplicationShutdown {
  private constructor(
    private readonly opened: OpenedTelemetry | null,
    private readonly logger: Logger,
  ) {}

  /** @param config `null`: it is off, and none of its packages is loaded */
  static async open(
    config: TelemetryConfig | null,
    logger: Logger,
    registry: Registry,
  ): Promise<Telemetry> {
    const counts = new ExportCounts(logger, registry);
    if (config === null) return new Telemetry(null, logger);
    const { openSdk } = await import('./open-sdk.js');
    return new Telemetry(await openSdk(config, counts), logger);
  }

  get isOn(): boolean {
    return this.opened !== null;
  }

  get tracer(): Tracer | null {
    return this.opened?.tracer ?? null;
  }

  get meter(): Meter | null {
    return this.opened?.meter ?? null;
  }

  async onApplicationShutdown(): Promise<void> {
    if (!this.opened) return;
    try {
      await within(SHUTDOWN_MS, this.opened.close(), 'The collector does not answer.');
    } catch (error) {
      this.logger.warn({ err: error }, 'the last telemetry is lost');
    }
  }
}
