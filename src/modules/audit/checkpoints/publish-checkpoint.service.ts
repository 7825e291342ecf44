import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { appendFile } from 'node:fs/promises';
import { Agent, buildConnector } from 'undici';

import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { guardedConnector } from '#platform/http/outbound/guarded-connector.js';
import { ObjectStore } from '#platform/object-store/object-store.port.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import { CheckpointMetrics } from './checkpoint.metrics.js';
import type { StoredCheckpoint } from './checkpoint.repository.js';

const TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
const MAX_ANSWER_BYTES = 4 * 1024;
const OWNER_ONLY = 0o600;
const NO_SUCCESS = 300;

/** So that objects are listed in the order of the chain. */
const SIZE_DIGITS = 15;

type Sink = 'file' | 'url' | 's3';

/**
 * Takes checkpoints to where whoever holds the database has no say: the process’s log, a file that is only appended to, a URL, a bucket.
 * What does not get there is not sent again, since the next one says all that it did; it is logged and counted.
 */
@Injectable()
export class PublishCheckpointService implements OnApplicationShutdown {
  readonly #agent: Agent;
  readonly #sinks: Config['auditCheckpoints'];

  constructor(
    private readonly metrics: CheckpointMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CONFIG) { allowPrivateTargets, auditCheckpoints }: Config,
    private readonly store: ObjectStore,
  ) {
    this.#sinks = auditCheckpoints;
    this.#agent = new Agent({
      connect: allowPrivateTargets
        ? buildConnector({ timeout: CONNECT_TIMEOUT_MS })
        : guardedConnector(CONNECT_TIMEOUT_MS),
    });
  }

  /** Never rejects: the checkpoint itself is in the database. Takes at most 10 s. */
  async publish(organizationId: string, checkpoint: StoredCheckpoint): Promise<void> {
    const { size, note } = checkpoint;
    this.logger.info({ organizationId, size, note }, 'A checkpoint of the audit log');
    const { file, url, s3Prefix } = this.#sinks;
    await Promise.all([
      file === null ? null : this.#deliver('file', appendTo(file, note)),
      url === null ? null : this.#deliver('url', this.#post(url, note)),
      s3Prefix === null
        ? null
        : this.#deliver(
            's3',
            this.#store(`${s3Prefix}${nameOf(organizationId, checkpoint)}`, note),
          ),
    ]);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#agent.destroy();
  }

  async #deliver(sink: Sink, delivery: Promise<void>): Promise<void> {
    try {
      await delivery;
      this.metrics.published(sink, 'delivered');
    } catch (error) {
      this.metrics.published(sink, 'failed');
      this.logger.error({ err: error, sink }, 'A checkpoint of the audit log was not delivered');
    }
  }

  /** An object of its own, which is never written again. */
  #store(name: string, note: string): Promise<void> {
    return this.store.create(name, note, AbortSignal.timeout(TIMEOUT_MS));
  }

  async #post(url: string, note: string): Promise<void> {
    const { origin, pathname, search } = new URL(url);
    const answer = await this.#agent.request({
      origin,
      path: pathname + search,
      method: 'POST',
      headers: { 'content-type': 'text/plain; charset=utf-8', 'user-agent': 'Latchkey-Audit' },
      body: note,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    // Its status is all that counts: what comes of the rest changes nothing.
    answer.body.dump({ limit: MAX_ANSWER_BYTES }).catch(() => undefined);
    if (answer.statusCode >= NO_SUCCESS) throw new Error(`It was answered ${answer.statusCode}.`);
  }
}

function nameOf(organizationId: string, { size, removedAfter }: StoredCheckpoint): string {
  const cut = removedAfter === null ? '' : '-cut';
  return `${organizationId}/${String(size).padStart(SIZE_DIGITS, '0')}${cut}.txt`;
}

/** One write each, so that several processes may append to it. An empty line stands behind each note. */
function appendTo(file: string, note: string): Promise<void> {
  return appendFile(file, `${note}\n`, { mode: OWNER_ONLY, flush: true });
}
