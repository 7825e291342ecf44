import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { timeOfRequestId } from '#common/ids/request-id.js';

import { SearchTimeoutError } from '../usage.errors.js';
import { UsageShipper } from '../usage-shipper.service.js';
import {
  type EventSearch,
  type FoundEvents,
  type UsageEvent,
  UsageEvents,
} from './usage-events.port.js';
import { UsageEventsRepository } from './usage-events.repository.js';
import { type Stretch, walkBack } from './walk-back.js';

/** How long a reader waits for its own writes. */
const FLUSH_MS = 1_000;
const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
/**
 * When a call ended, seen from the second in which its id was made. Nearly all do within a minute, and none takes longer than
 * an hour, its provider's longest timeout, and what it waits before; a clock may be set back meanwhile.
 */
const STRETCHES_AFTER_ID: readonly Stretch[] = [
  { from: -5 * SECOND_MS, to: MINUTE_MS },
  { from: MINUTE_MS, to: 15 * MINUTE_MS },
  { from: 15 * MINUTE_MS, to: 70 * MINUTE_MS },
];
/** Before every id: stands for the beginning of a moment. */
const BEFORE_ALL_IDS = '0';

@Injectable()
export class SearchEventsService extends UsageEvents {
  constructor(
    private readonly shipper: UsageShipper,
    private readonly events: UsageEventsRepository,
  ) {
    super();
  }

  override async search(
    organizationId: string,
    { filter, from, to, after, limit }: EventSearch,
  ): Promise<FoundEvents> {
    await this.shipper.flush(FLUSH_MS);
    const end = after ? Math.min(to.getTime(), after.createdAt.getTime() + 1) : to.getTime();
    const began = performance.now();
    const { rows, reached } = await orTooBroad(
      walkBack({ from: from.getTime(), to: end }, limit, {
        read: (stretch, atMost) =>
          this.events.findNewest(organizationId, stretch, filter, { after, limit: atMost }),
        elapsedMs: () => performance.now() - began,
      }),
    );
    const position = reached === null ? null : new Date(reached);
    return { events: rows, reached: position && { createdAt: position, id: BEFORE_ALL_IDS } };
  }

  override async find(
    organizationId: string,
    id: string,
    occurredAt: Date | null,
  ): Promise<UsageEvent | null> {
    await this.shipper.flush(FLUSH_MS);
    for (const stretch of stretchesOf(id, occurredAt)) {
      const event = await orTooBroad(this.events.find(organizationId, id, stretch));
      if (event) return event;
    }
    return null;
  }
}

function stretchesOf(id: string, occurredAt: Date | null): Stretch[] {
  if (occurredAt) {
    const at = occurredAt.getTime();
    return [{ from: at - SECOND_MS, to: at + SECOND_MS }];
  }
  const madeAt = timeOfRequestId(id);
  if (madeAt === null) return [];
  return STRETCHES_AFTER_ID.map(({ from, to }) => ({ from: madeAt + from, to: madeAt + to }));
}

async function orTooBroad<Answer>(search: Promise<Answer>): Promise<Answer> {
  try {
    return await search;
  } catch (error) {
    if (!(error instanceof SearchTimeoutError)) throw error;
    throw new AppError('invalid_request', {
      message:
        'Too many calls would have to be read for this. Narrow it by start and end, or by key_id.',
      cause: error,
    });
  }
}
