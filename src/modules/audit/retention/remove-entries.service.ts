import { Injectable } from '@nestjs/common';

import { toError } from '#common/errors/to-error.js';
import { Actors, jobActor } from '#platform/audit-trail/actor.js';

import { CheckpointRepository } from '../checkpoints/checkpoint.repository.js';
import { PublishCheckpointService } from '../checkpoints/publish-checkpoint.service.js';
import { CutSegmentsService } from './cut-segments.service.js';
import { FindSegmentsService, type RemovalPass, type Segment } from './find-segments.service.js';
import { FollowRetentionService } from './follow-retention.service.js';

const ORGANIZATIONS_PER_PAGE = 100;
/** Of one organization, before what was found of them is removed. */
const SEGMENTS = 100;

type Run = { readonly now: number; readonly maxEntries: number };

/** Removes entries whose time is over, in whole stretches between two checkpoints. */
@Injectable()
export class RemoveEntriesService {
  constructor(
    private readonly checkpoints: CheckpointRepository,
    private readonly retention: FollowRetentionService,
    private readonly segments: FindSegmentsService,
    private readonly cutting: CutSegmentsService,
    private readonly publishing: PublishCheckpointService,
    private readonly actors: Actors,
  ) {}

  /**
   * Of all organizations. What goes in one transaction goes with the cut that says so: ended in between, the next run goes on.
   * @param run `maxEntries` in one transaction, where a single stretch does not have more
   * @throws {Error} the first of what went wrong, after all other organizations had their turn
   */
  async removeAll(run: Run, signal: AbortSignal): Promise<void> {
    const failures: Error[] = [];
    let after = '';
    for (;;) {
      const page = await this.checkpoints.organizationsAcrossTenants(after, ORGANIZATIONS_PER_PAGE);
      for (const organizationId of page) {
        signal.throwIfAborted();
        const failure = await this.#removeOf(organizationId, run, signal).catch(toError);
        if (failure) failures.push(failure);
      }
      const last = page.at(-1);
      if (last === undefined) break;
      after = last;
    }
    if (failures[0]) throw failures[0];
  }

  async #removeOf(
    organizationId: string,
    { now, maxEntries }: Run,
    signal: AbortSignal,
  ): Promise<void> {
    const days = await this.retention.follow(organizationId, now);
    const pass = { organizationId, now, days };
    for (;;) {
      signal.throwIfAborted();
      const ends = await this.segments.endsOf(pass, SEGMENTS);
      if (ends.length === 0) return;
      for await (const stretch of this.#stretches(pass, ends, maxEntries)) {
        await this.#cut(pass, stretch);
      }
    }
  }

  /** Segments that go, those that follow each other as one. */
  async *#stretches(
    pass: RemovalPass,
    ends: readonly number[],
    maxEntries: number,
  ): AsyncGenerator<Segment> {
    let stretch: Segment | null = null;
    for (const end of ends) {
      const segment = await this.segments.removable(pass, end);
      if (!segment) continue;
      const joined: Segment | null = stretch && joinedOf(stretch, segment, maxEntries);
      if (stretch && !joined) yield stretch;
      stretch = joined ?? segment;
    }
    if (stretch) yield stretch;
  }

  async #cut(pass: RemovalPass, stretch: Segment): Promise<void> {
    const cut = await this.actors.act(jobActor('audit-retention.remove'), () =>
      this.cutting.cut(pass, stretch),
    );
    if (cut) await this.publishing.publish(pass.organizationId, cut);
  }
}

/** `null` where something stands between them, or together they have too many entries. */
function joinedOf(one: Segment, next: Segment, maxEntries: number): Segment | null {
  const isNext = one.to.size === next.from.size;
  return isNext && next.to.size - one.from.size <= maxEntries
    ? { from: one.from, to: next.to }
    : null;
}
