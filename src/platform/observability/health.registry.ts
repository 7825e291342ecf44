import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';

import { LOGGER, type Logger } from './logger.js';

/** Resolves when the thing works, rejects when it does not. At most a few milliseconds. */
export type HealthCheck = () => Promise<void>;

const MAX_CHECK_MS = 2_000;

/** What has to work for this process to be ready; each part of the system adds its own. */
@Injectable()
export class HealthRegistry implements OnModuleDestroy {
  readonly #checks = new Map<string, HealthCheck>();

  constructor(
    @InjectDataSource() dataSource: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.add('postgresql', async () => {
      await dataSource.query('SELECT 1');
    });
  }

  /** The first of the hooks: later ones wait for running jobs, and no balancer should send anything meanwhile. */
  onModuleDestroy(): void {
    this.add('draining', () => Promise.reject(new Error('This process is shutting down.')));
  }

  add(name: string, check: HealthCheck): void {
    this.#checks.set(name, check);
  }

  /** The names of what does not work; why is logged. */
  async failing(): Promise<string[]> {
    const checks = [...this.#checks];
    const results = await Promise.allSettled(checks.map(([, check]) => withinTime(check())));
    return results.flatMap((result, index) => {
      const name = checks[index]?.[0] ?? '';
      if (result.status === 'fulfilled') return [];
      this.logger.warn({ check: name, err: result.reason as unknown }, 'A health check failed');
      return [name];
    });
  }
}

async function withinTime(check: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('The check took too long.')), MAX_CHECK_MS);
  });
  try {
    await Promise.race([check, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
