import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { Memberships } from '#modules/organizations/index.js';

import { ApiKeyRepository } from '../api-key.repository.js';
import { checkState } from '../domain/authorize.js';
import { wholeOrganization } from '../domain/key-reach.js';
import type { KeyView } from '../domain/key-view.js';
import { memberView } from '../domain/member-view.js';
import { keyViewOf } from '../key-view-of.js';
import type { ApprovalRequestEntity } from './approval-request.entity.js';
import { neededFor } from './domain/needed-scopes.js';

const USER = 'user_';

/** Who asked for something, with the rights that they have by now. */
@Injectable()
export class Requesters {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly memberships: Memberships,
    private readonly clock: Clock,
  ) {}

  /** @throws {AppError} `conflict` where they may not ask for anything any more */
  async viewOf(request: ApprovalRequestEntity): Promise<KeyView> {
    const view = await this.#find(request);
    if (view && (view.scopeMask & neededFor(request)) !== 0) return view;
    throw new AppError('conflict', {
      message: `${request.requestedBy}, which asked for this, may not do it any more. Reject it, and let somebody else ask.`,
    });
  }

  async #find({ organizationId, requestedBy: id }: ApprovalRequestEntity): Promise<KeyView | null> {
    if (id.startsWith(USER)) {
      const membership = await this.memberships.find(organizationId, id);
      if (!membership || membership.isSuspended) return null;
      return memberView({ ...membership, sessionId: '' });
    }
    const row = await this.keys.find(wholeOrganization(organizationId), id);
    if (!row) return null;
    const view = keyViewOf(row, null);
    const facts = { now: this.clock.now(), neededScopes: 0, isReadOnlyRoute: true };
    return checkState(view, facts).allowed ? view : null;
  }
}
