import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import {
  type CursorPosition,
  decodeCursor,
  encodeCursor,
  MAX_PAGE_SIZE,
  type Page,
  toPage,
} from '#common/pagination/cursor.js';
import { Clock } from '#common/time/clock.js';
import { UsageTotals } from '#modules/usage/index.js';

import { ApiKeyRepository, type KeyFilter, type KeyWithSecret } from './api-key.repository.js';
import { viewCallingKey, viewKey, viewKeyPolicy } from './api-key.view.js';
import { KeyMemberRepository } from './belonging/key-member.repository.js';
import { type KeyReach, reachOf, wholeOrganization } from './domain/key-reach.js';
import type { KeyView } from './domain/key-view.js';
import type { ListKeysQuery } from './dto/list-keys.query.js';
import type { CallingKeyResponse, KeyPolicyResponse, KeyResponse } from './dto/key.responses.js';
import { KeyInheritanceRepository } from './templates/key-inheritance.repository.js';

const DAY_MS = 86_400_000;
/** Of keys that are looked at for one page of unused ones. */
const MAX_PAGES = 50;

type Search = {
  readonly limit: number;
  readonly after: CursorPosition | null;
  readonly filter: KeyFilter;
};

@Injectable()
export class ReadKeysService {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly members: KeyMemberRepository,
    private readonly usage: UsageTotals,
    private readonly inheritances: KeyInheritanceRepository,
    private readonly clock: Clock,
  ) {}

  /** With `unused_for` a page may be short, or empty, and not the last: where few keys are unused, the search is given up. */
  async list(caller: KeyView, query: ListKeysQuery): Promise<Page<KeyResponse>> {
    const { limit, cursor } = query;
    const filter = filterOf(query, this.clock.now());
    const after = decodeCursor(cursor);
    const reach = reachOf(caller);
    if (filter.unused)
      return this.#listUnused(reach, { limit, after, filter }, filter.unused.since);
    return this.#page(reach, await this.keys.list(reach, after, limit, filter), limit);
  }

  async #listUnused(
    reach: KeyReach,
    { limit, after: start, filter }: Search,
    since: Date,
  ): Promise<Page<KeyResponse>> {
    const found: KeyWithSecret[] = [];
    let after = start;
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const rows = await this.keys.list(reach, after, MAX_PAGE_SIZE, filter);
      const looked = rows.slice(0, MAX_PAGE_SIZE);
      found.push(...(await this.#unusedOf(reach, looked, since)));
      after = looked.at(-1)?.key ?? after;
      const isThrough = rows.length <= MAX_PAGE_SIZE;
      if (isThrough || found.length > limit) return this.#page(reach, found, limit);
    }
    const page = await this.#page(reach, found, limit);
    return { data: page.data, has_more: true, next_cursor: after && encodeCursor(after) };
  }

  async #unusedOf(
    { organizationId }: KeyReach,
    rows: readonly KeyWithSecret[],
    since: Date,
  ): Promise<KeyWithSecret[]> {
    const ids = rows.map(({ key }) => key.id);
    const lastUsed = await this.usage.lastUsedAt(organizationId, ids);
    return rows.filter(({ key }) => (lastUsed.get(key.id) ?? since) <= since);
  }

  async #page(
    { organizationId }: KeyReach,
    rows: readonly KeyWithSecret[],
    limit: number,
  ): Promise<Page<KeyResponse>> {
    const views = await this.#view(organizationId, rows);
    const positioned = rows.map(({ key: { id, createdAt } }, at) => ({ at, id, createdAt }));
    return toPage(positioned, limit, ({ at }) => views[at] as KeyResponse);
  }

  /** @throws {AppError} `not_found`, also for another organization's key */
  async get(caller: KeyView, keyId: string): Promise<KeyResponse> {
    const row = await this.#find(reachOf(caller), keyId);
    const [view] = await this.#view(caller.organizationId, [row]);
    return view as KeyResponse;
  }

  /** @throws {AppError} `not_found`, also for another organization's key */
  async getPolicy(caller: KeyView, keyId: string): Promise<KeyPolicyResponse> {
    const { key } = await this.#find(reachOf(caller), keyId);
    return viewKeyPolicy(key, await this.inheritances.find(caller.organizationId, keyId));
  }

  /** The calling key about itself. */
  async getWithUsage({ organizationId, keyId }: KeyView): Promise<CallingKeyResponse> {
    const row = await this.#find(wholeOrganization(organizationId), keyId);
    const totals = await this.usage.ofKey(organizationId, keyId);
    const [view] = await this.#view(organizationId, [row]);
    return viewCallingKey(view as KeyResponse, organizationId, totals);
  }

  async #view(organizationId: string, rows: readonly KeyWithSecret[]): Promise<KeyResponse[]> {
    const ids = rows.map(({ key }) => key.id);
    const lastUsed = await this.usage.lastUsedAt(organizationId, ids);
    const members = await this.members.listOf(organizationId, ids);
    const now = this.clock.now();
    return rows.map((row) => {
      const { id } = row.key;
      return viewKey({ ...row, members: members.get(id) ?? [] }, lastUsed.get(id) ?? null, now);
    });
  }

  async #find(reach: KeyReach, keyId: string): Promise<KeyWithSecret> {
    const row = await this.keys.find(reach, keyId);
    if (!row) throw new AppError('not_found', { message: `There is no key ${keyId}.` });
    return row;
  }
}

function filterOf(query: ListKeysQuery, now: number): KeyFilter {
  const { type, team_id, project_id, owner_id, service_account_id, unused_for: days } = query;
  return {
    ...(type !== undefined && { type }),
    ...(team_id !== undefined && { teamId: team_id }),
    ...(project_id !== undefined && { projectId: project_id }),
    ...(owner_id !== undefined && { ownerId: owner_id }),
    ...(service_account_id !== undefined && { serviceAccountId: service_account_id }),
    unused:
      days === undefined ? null : { since: new Date(now - days * DAY_MS), now: new Date(now) },
  };
}
