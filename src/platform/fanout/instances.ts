import {
  Inject,
  Injectable,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';

import { newId } from '#common/ids/prefixed-id.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

const BEAT_MS = 2_000;
/** Who has not been seen for so long is gone, however it went. On PostgreSQL's clock, which all share. */
const LIVE_FOR = "interval '10 seconds'";
const FORGOTTEN_AFTER = "interval '1 hour'";

/** The processes that run on this database: each is entered as long as it lives. */
@Injectable()
export class Instances implements OnModuleInit, OnApplicationShutdown {
  readonly ownId = newId('instance');
  #count = 1;
  #timer: NodeJS.Timeout | null = null;
  #beat: Promise<void> = Promise.resolve();

  constructor(
    private readonly transactions: TransactionRunner,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Before it serves anything, so that nobody counts the instances without it. */
  async onModuleInit(): Promise<void> {
    await this.#enter();
    this.#timer = setInterval(() => {
      this.#beat = this.#enter().catch((error: unknown) => {
        this.logger.debug({ err: error }, 'This instance could not be entered as live');
      });
    }, BEAT_MS).unref();
  }

  /** The ids of those that live, this one included. */
  async live(): Promise<ReadonlySet<string>> {
    const rows = await this.transactions.sql<{ id: string }>(
      `SELECT id FROM instances WHERE seen_at > clock_timestamp() - ${LIVE_FOR}`,
    );
    return new Set([this.ownId, ...rows.map(({ id }) => id)]);
  }

  /** How many live, as far as this one has heard last. */
  get count(): number {
    return this.#count;
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    await this.#beat;
    try {
      await this.transactions.sql('DELETE FROM instances WHERE id = $1', [this.ownId]);
    } catch (error) {
      // It counts as live for some seconds more, and whoever waits for it waits in vain.
      this.logger.debug({ err: error }, 'This instance could not be struck off');
    }
  }

  async #enter(): Promise<void> {
    const rows = await this.transactions.sql<{ others: number }>(
      `WITH forgotten AS (
         DELETE FROM instances WHERE seen_at < clock_timestamp() - ${FORGOTTEN_AFTER} AND id <> $1
       ), entered AS (
         INSERT INTO instances (id, seen_at) VALUES ($1, clock_timestamp())
         ON CONFLICT (id) DO UPDATE SET seen_at = EXCLUDED.seen_at
       )
       SELECT count(*)::integer AS others FROM instances
        WHERE seen_at > clock_timestamp() - ${LIVE_FOR} AND id <> $1`,
      [this.ownId],
    );
    this.#count = 1 + (rows[0]?.others ?? 0);
  }
}

/** A module of its own that is not global: those are shut down last, and the database with them. */
@Module({ providers: [Instances], exports: [Instances] })
export class InstancesModule {}
