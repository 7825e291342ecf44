import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ApiKeyEntity } from '../../api-key.entity.js';
import { ApiKeyRepository } from '../../api-key.repository.js';
import { RevokeKeyService } from '../../revoke-key.service.js';
import { type KeyReach, reachOf, wholeOrganization } from '../../domain/key-reach.js';
import type { KeyView } from '../../domain/key-view.js';
import { type IssuedKey, IssueKeyService } from '../../issue-key.service.js';
import type {
  CreateNamedKeyDto,
  DeleteNamedKeyDto,
  ListNamedKeysQuery,
  NamedKeyResponse,
} from './named-keys.dto.js';
import { viewNamedKey } from './named-keys.view.js';

/** How many ids of keys that share a name are named to whoever wants to delete "the" key of that name. */
const MAX_NAMESAKES = 10;

/**
 * Keys as an API without ids has them: known by name, so that no name may be given twice. Only keys in use count, which
 * are those that are not revoked; whoever made them, and by which API.
 */
@Injectable()
export class NamedKeysService {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly issueKey: IssueKeyService,
    private readonly revokeKey: RevokeKeyService,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  async list(
    caller: KeyView,
    { limit, cursor }: ListNamedKeysQuery,
  ): Promise<Page<NamedKeyResponse>> {
    const after = decodeCursor(cursor);
    const rows = await this.keys.listInUse(reachOf(caller), after, limit, this.#now());
    return toPage(rows, limit, viewNamedKey);
  }

  /**
   * Of several calls at once with one name exactly one succeeds.
   * @throws {AppError} `invalid_request` for a name that is taken, `escalation_denied`
   */
  async create(caller: KeyView, dto: CreateNamedKeyDto): Promise<IssuedKey> {
    const { organizationId, environment } = caller;
    const { name, is_management_key: isManagementKey } = dto;
    return this.transactions.run(async () => {
      const [taken] = await this.#hold(wholeOrganization(organizationId), name);
      if (taken) throw refusal(`There is a key named ${name} already. Take another name.`);
      const access_level = isManagementKey ? 'management' : 'inference';
      return this.issueKey.issue(caller, { name, environment, access_level });
    });
  }

  /**
   * Revokes the key of that name, at once and for good.
   * @throws {AppError} `not_found`, `escalation_denied`; `invalid_request` for the calling key, and for a name that
   * several keys have
   */
  async delete(caller: KeyView, { name }: DeleteNamedKeyDto): Promise<void> {
    await this.transactions.run(async () => {
      const found = await this.#hold(reachOf(caller), name);
      const [key] = found;
      if (!key) throw new AppError('not_found', { message: `There is no key named ${name}.` });
      if (found.length > 1) throw ambiguous(found.map(({ id }) => id));
      if (key.id === caller.keyId) {
        throw refusal('This is the key that makes this call. Delete it with another key.');
      }
      await this.revokeKey.revoke(caller, key.id, {});
    });
  }

  /** The keys in use of that name that are reached. Until the transaction ends nobody else makes or deletes one by it. */
  async #hold(reach: KeyReach, name: string): Promise<ApiKeyEntity[]> {
    await this.keys.holdName(reach.organizationId, name);
    // Only now is it known when: somebody may have deleted one while this call waited.
    return this.keys.lockInUseByName(reach, name, MAX_NAMESAKES + 1, this.#now());
  }

  #now(): Date {
    return new Date(this.clock.now());
  }
}

function refusal(message: string): AppError {
  return new AppError('invalid_request', { message, param: 'name' });
}

function ambiguous(ids: readonly string[]): AppError {
  const more = ids.length > MAX_NAMESAKES ? ' and more' : '';
  const named = ids.slice(0, MAX_NAMESAKES).join(', ') + more;
  return refusal(`Several keys have this name: ${named}. Use DELETE /v1/keys/{id}.`);
}
