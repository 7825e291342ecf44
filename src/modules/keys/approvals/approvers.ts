import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { CallerRights } from '#modules/organizations/index.js';

import type { ApiKeyEntity } from '../api-key.entity.js';
import type { KeyView } from '../domain/key-view.js';
import type { ApprovalRequestEntity } from './approval-request.entity.js';
import { ApprovalRequestRepository } from './approval-request.repository.js';
import { neededFor } from './domain/needed-scopes.js';
import { everybodyIn, isSomebodyElse, type Party } from './domain/four-eyes.js';

const USER = 'user_';

/** Who may decide on what another has asked for. */
@Injectable()
export class Approvers {
  constructor(
    private readonly requests: ApprovalRequestRepository,
    private readonly rights: CallerRights,
  ) {}

  /**
   * @param key that it is of; `null` where it is of something else
   * @throws {AppError} `approval_required` for who asked, who made the key, the key itself, and all whose doing that is;
   * `escalation_denied` for a key that more than its scopes bounds, `insufficient_scope` for whom the right was taken from
   */
  async assertMayDecide(
    caller: KeyView,
    request: ApprovalRequestEntity,
    key: ApiKeyEntity | null,
  ): Promise<void> {
    const { scopeMask: has } = await this.rights.of(caller);
    if ((has & neededFor(request)) === 0) throw new AppError('insufficient_scope');
    const { organizationId, requestedBy, requestedByUser, id } = request;
    const approver = await this.#party(organizationId, caller.keyId, caller.userId);
    const requester = await this.#party(organizationId, requestedBy, requestedByUser);
    const maker = key?.createdBy && (await this.#party(organizationId, key.createdBy, null));
    const isOther =
      isSomebodyElse(approver, requester) &&
      (!maker || isSomebodyElse(approver, maker)) &&
      (!key || !everybodyIn(approver).has(key.id));
    if (!isOther) throw sameEyes(id);
  }

  /**
   * Whoever asked may take it back: with the key that asked, or as the user who was behind it, however they call.
   * @throws {AppError} `operation_not_allowed` for anybody else
   */
  assertMayWithdraw({ keyId, userId }: KeyView, request: ApprovalRequestEntity): void {
    const { id, requestedBy, requestedByUser } = request;
    if (requestedBy === keyId || (userId !== null && requestedByUser === userId)) return;
    throw new AppError('operation_not_allowed', {
      message: `Only who asked for ${id} withdraws it, and that is ${requestedBy}. Reject it instead.`,
    });
  }

  async #party(organizationId: string, id: string, userId: string | null): Promise<Party> {
    if (id.startsWith(USER)) return { id, userId: id, line: [] };
    return { id, userId, line: await this.requests.lineOf(organizationId, id) };
  }
}

function sameEyes(id: string): AppError {
  return new AppError('approval_required', {
    message: `${id} must be decided on by another user than who asked for it or made the key, and with no key of theirs.`,
  });
}
