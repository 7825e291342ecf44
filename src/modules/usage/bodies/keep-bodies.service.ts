import { Inject, Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';

import type { BodyKind } from './body-log.port.js';
import { BodyQueue } from './body-queue.service.js';
import { RequestBodiesRepository } from './request-bodies.repository.js';
import {
  type BodySelection,
  type DeletedBodies,
  type StoredBody,
  StoredBodies,
} from './stored-bodies.port.js';

/** How long somebody who asks waits for what is about to be stored. */
const FLUSH_MS = 1_000;
const DAY_MS = 86_400_000;
/** Of up to 64 KiB each. */
const BODIES_PER_STATEMENT = 500;
const MAX_STATEMENTS = 20;

@Injectable()
export class KeepBodiesService extends StoredBodies {
  constructor(
    private readonly queue: BodyQueue,
    private readonly bodies: RequestBodiesRepository,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    super();
  }

  override async kindsOf(
    organizationId: string,
    requestIds: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlySet<BodyKind>>> {
    await this.queue.flush(FLUSH_MS);
    const kinds = new Map<string, Set<BodyKind>>();
    const rows = await this.bodies.findKinds(organizationId, requestIds, this.#oldest);
    for (const { request_id: id, kind } of rows) {
      kinds.set(id, (kinds.get(id) ?? new Set()).add(kind));
    }
    return kinds;
  }

  override async read(organizationId: string, requestId: string): Promise<StoredBody[]> {
    await this.queue.flush(FLUSH_MS);
    return this.bodies.find(organizationId, requestId, this.#oldest);
  }

  override async settle(): Promise<void> {
    await this.queue.flush(FLUSH_MS);
  }

  override async delete(organizationId: string, requestId: string): Promise<number> {
    return this.bodies.delete(organizationId, requestId);
  }

  override async deleteSelected(
    organizationId: string,
    selection: BodySelection,
  ): Promise<DeletedBodies> {
    let deleted = 0;
    for (let done = 0; done < MAX_STATEMENTS; done++) {
      const some = await this.bodies.deleteSelected(
        organizationId,
        selection,
        BODIES_PER_STATEMENT,
      );
      deleted += some;
      if (some < BODIES_PER_STATEMENT) return { deleted, hasMore: false };
    }
    return { deleted, hasMore: true };
  }

  /** @returns how many there were, of `limit` at the most */
  deleteExpired(limit: number): Promise<number> {
    return this.bodies.deleteAcrossTenants(this.#oldest, limit);
  }

  /** Bodies are gone at their time, whenever the job runs that deletes them. */
  get #oldest(): Date {
    return new Date(this.clock.now() - this.config.requestBodyRetentionDays * DAY_MS);
  }
}
