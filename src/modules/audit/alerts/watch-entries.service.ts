import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { Actors, jobActor } from '#platform/audit-trail/actor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { StoredEntry } from '../domain/stored-entry.js';
import type { WatchedEvent } from './domain/watch-key.js';
import { watchedEventOf } from './domain/watched-event-of.js';
import { RaiseAlertsService } from './raise-alerts.service.js';
import { WatchRepository } from './watch.repository.js';

/** So far back in a log that nobody has looked at before. A key is watched from when it is made. */
const FIRST_LOOK_MS = 10 * 60_000;

/** The log of an organization, and whose keys in it are watched. */
export type WatchedLog = { readonly organizationId: string; readonly keyIds: Set<string> };

/** Looks at entries of one log, each once and in its final order. */
@Injectable()
export class WatchEntriesService {
  constructor(
    private readonly watched: WatchRepository,
    private readonly alerts: RaiseAlertsService,
    private readonly actors: Actors,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /** In one transaction. @returns whether there may be more */
  watchNext(log: WatchedLog, maxEntries: number): Promise<boolean> {
    return this.actors.act(jobActor('audit-alerts.watch'), () =>
      this.transactions.run(() => this.#batch(log, maxEntries)),
    );
  }

  async #batch({ organizationId, keyIds }: WatchedLog, maxEntries: number): Promise<boolean> {
    const from = await this.watched.holdPosition(
      organizationId,
      new Date(this.clock.now() - FIRST_LOOK_MS),
    );
    const entries = await this.watched.next(organizationId, from, maxEntries);
    const last = entries.at(-1)?.sequence ?? null;
    if (last === null) return false;
    await this.alerts.see(organizationId, eventsOf(entries, keyIds));
    await this.watched.movePosition(organizationId, last);
    return entries.length === maxEntries;
  }
}

function eventsOf(
  entries: readonly StoredEntry[],
  keyIds: ReadonlySet<string>,
): Map<string, WatchedEvent[]> {
  const events = new Map<string, WatchedEvent[]>();
  for (const { entry } of entries) {
    const event = entry.keyId !== null && keyIds.has(entry.keyId) ? watchedEventOf(entry) : null;
    if (!event || entry.keyId === null) continue;
    const known = events.get(entry.keyId);
    if (known) known.push(event);
    else events.set(entry.keyId, [event]);
  }
  return events;
}
