/** What a queue still holds, as BullMQ says it, whatever stores it. */
import type { Job, Queue } from 'bullmq';
import pg from 'pg';

import { Secret } from '#common/secret/secret.js';
import type { TransactionRunner } from '#platform/database/transaction-runner.js';
import { PostgresQueueBackend } from '#platform/queue/postgres.queue-backend.js';
import type { QueueBackend } from '#platform/queue/queue-backend.port.js';
import { RedisQueueBackend } from '#platform/queue/redis.queue-backend.js';
import { redisNamespace } from '#platform/redis/redis-namespace.js';

export class JobsLeft {
  private constructor(
    private readonly backend: QueueBackend,
    private readonly queues: readonly Queue[],
  ) {}

  /** Of an installation that has been started once. */
  static async watch(
    names: readonly string[],
    databaseUrl: string,
    redisUrl: string | null,
  ): Promise<JobsLeft> {
    const backend =
      redisUrl === null
        ? new PostgresQueueBackend(new Secret(databaseUrl))
        : new RedisQueueBackend(new Secret(redisUrl), await namespaceOf(databaseUrl));
    const queues = names.map((name) => backend.createQueue(name) as unknown as Queue);
    await Promise.all(queues.map((queue) => queue.waitUntilReady()));
    return new JobsLeft(backend, queues);
  }

  /**
   * Jobs that wait or run, and those that have failed. Of those on a schedule, which always wait for their next time, only
   * the ones that somebody has taken before `diedAt` and not given back.
   * @param diedAt ms since the epoch
   */
  async of(diedAt: number): Promise<string[]> {
    const left = await Promise.all(this.queues.map((queue) => leftIn(queue, diedAt)));
    return left.flat().sort();
  }

  async close(): Promise<void> {
    await Promise.all(this.queues.map((queue) => queue.close()));
    await this.backend.close();
  }
}

async function leftIn(queue: Queue, diedAt: number): Promise<string[]> {
  const [waiting, active, failed] = (await Promise.all([
    queue.getJobs(['wait', 'prioritized', 'delayed']),
    queue.getJobs(['active']),
    queue.getJobs(['failed']),
  ])) as [Job[], Job[], Job[]];
  const isScheduled = ({ repeatJobKey }: Job): boolean => repeatJobKey !== undefined;
  const isOfTheDead = ({ processedOn = 0 }: Job): boolean => processedOn < diedAt;
  return [
    ...waiting.filter((job) => !isScheduled(job)).map(({ name }) => `${name} waits`),
    ...active
      .filter((job) => !isScheduled(job) || isOfTheDead(job))
      .map(({ name }) => `${name} is taken`),
    ...failed.map(({ name }) => `${name} has failed`),
  ];
}

/** Under which an installation's queues are in Redis. */
async function namespaceOf(databaseUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const sql = async (query: string): Promise<unknown[]> =>
      (await client.query<Record<string, unknown>>(query)).rows;
    return await redisNamespace({ sql } as unknown as TransactionRunner);
  } finally {
    await client.end();
  }
}
