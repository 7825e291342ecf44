import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import type { PageQuery } from '#common/pagination/page.query.js';
import { Clock } from '#common/time/clock.js';
import { UsageTotals } from '#modules/usage/index.js';

import { ApiKeyRepository, type KeyWithSecret } from './api-key.repository.js';
import { viewCallingKey, viewKey, viewKeyPolicy } from './api-key.view.js';
import type { CallingKeyResponse, KeyPolicyResponse, KeyResponse } from './dto/key.responses.js';

@Injectable()
export class ReadKeysService {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly usage: UsageTotals,
    private readonly clock: Clock,
  ) {}

  async list(organizationId: string, { limit, cursor }: PageQuery): Promise<Page<KeyResponse>> {
    const rows = await this.keys.list(organizationId, decodeCursor(cursor), limit);
    const lastUsed = await this.usage.lastUsedAt(
      organizationId,
      rows.map(({ key }) => key.id),
    );
    const now = this.clock.now();
    const positioned = rows.map((row) => ({ row, id: row.key.id, createdAt: row.key.createdAt }));
    return toPage(positioned, limit, ({ row, id }) => viewKey(row, lastUsed.get(id) ?? null, now));
  }

  /** @throws {AppError} `not_found`, also for another organization's key */
  async get(organizationId: string, keyId: string): Promise<KeyResponse> {
    const row = await this.#find(organizationId, keyId);
    const lastUsed = await this.usage.lastUsedAt(organizationId, [keyId]);
    return viewKey(row, lastUsed.get(keyId) ?? null, this.clock.now());
  }

  /** @throws {AppError} `not_found`, also for another organization's key */
  async getPolicy(organizationId: string, keyId: string): Promise<KeyPolicyResponse> {
    return viewKeyPolicy((await this.#find(organizationId, keyId)).key);
  }

  async getWithUsage(organizationId: string, keyId: string): Promise<CallingKeyResponse> {
    const row = await this.#find(organizationId, keyId);
    const totals = await this.usage.ofKey(organizationId, keyId);
    const view = viewKey(row, totals.lastUsedAt, this.clock.now());
    return viewCallingKey(view, organizationId, totals);
  }

  async #find(organizationId: string, keyId: string): Promise<KeyWithSecret> {
    const row = await this.keys.find(organizationId, keyId);
    if (!row) throw new AppError('not_found', { message: `There is no key ${keyId}.` });
    return row;
  }
}
