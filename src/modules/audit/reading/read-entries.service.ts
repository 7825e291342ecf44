import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import type { KeyView } from '#modules/keys/index.js';

import { type AskedLogQuery, organizationOf } from '../dto/asked-log.js';
import { type ExportedEntry, exportedOf } from '../domain/exported-entry.js';
import type { StoredEntry } from '../domain/stored-entry.js';
import { AuditSearchRepository } from './audit-search.repository.js';
import { datesOf } from './dates.js';
import type { ListAuditQuery, ListKeyEventsQuery } from './dto/audit.queries.js';
import type { KeyEventListResponse } from './dto/audit.responses.js';
import { actionsOf, type EntryFilter, filterOf } from './entry-filter.js';
import { viewKeyEvent } from './key-event.view.js';
import { ReachedEntries } from './reached-entries.service.js';

type Asked = Pick<ListKeyEventsQuery, 'limit' | 'cursor'>;

@Injectable()
export class ReadEntriesService {
  constructor(
    private readonly entries: AuditSearchRepository,
    private readonly reached: ReachedEntries,
  ) {}

  /**
   * Newest first, with what is personal.
   * @throws {AppError} `invalid_request`; `operation_not_allowed` for who does not reach every key and names none, or asks for the
   *   installation's log without a master key; `not_found` for a key that the caller does not reach
   */
  async list(caller: KeyView, query: ListAuditQuery): Promise<Page<ExportedEntry>> {
    const organizationId = organizationOf(caller, query);
    await this.reached.assertIncludes(caller, query.key_id);
    const filter = filterOf(query);
    return this.#page(organizationId, filter, query, (stored) => exportedOf(stored, true));
  }

  /**
   * The log of one key, newest first.
   * @throws {AppError} `invalid_request`; `not_found`, also for a key that the caller does not reach
   */
  async listOfKey(
    caller: KeyView,
    keyId: string,
    query: ListKeyEventsQuery,
  ): Promise<KeyEventListResponse> {
    await this.reached.assertHasKey(caller, keyId);
    const actions = actionsOf(undefined, query.event_types);
    const filter = { ...datesOf(query), keyId, ...(actions && { actions }), facts: {} };
    const { data, ...page } = await this.#page(caller.organizationId, filter, query, viewKeyEvent);
    return { events: data, ...page };
  }

  /**
   * @throws {AppError} `not_found`, also for one of a key that the caller does not reach; `operation_not_allowed` for the
   *   installation's log without a master key
   */
  async get(caller: KeyView, id: string, query: AskedLogQuery): Promise<ExportedEntry> {
    const stored = await this.entries.find(organizationOf(caller, query), id);
    if (!stored || !(await this.reached.areOpenTo(caller, stored.entry.keyId)))
      throw new AppError('not_found', { message: `There is no audit entry ${id}.` });
    return exportedOf(stored, true);
  }

  async #page<View>(
    organizationId: string,
    filter: EntryFilter,
    { limit, cursor }: Asked,
    view: (stored: StoredEntry) => View,
  ): Promise<Page<View>> {
    const after = decodeCursor(cursor);
    const found = await this.entries.findNewest(organizationId, filter, { after, limit });
    const positioned = found.map((stored) => {
      const { id, occurredAt } = stored.entry;
      return { stored, id, createdAt: occurredAt };
    });
    return toPage(positioned, limit, ({ stored }) => view(stored));
  }
}
