import { Injectable } from '@nestjs/common';

import { isLimited, reachOf } from '#common/auth/reach.js';
import { Clock } from '#common/time/clock.js';
import { HeldChanges } from '#modules/organizations/index.js';

import { viewApproval, withoutOthersKeys } from './approval.view.js';
import { OpenApprovalService } from './open-approval.service.js';

/** Lets the modules below this one ask for approval. */
@Injectable()
export class OpenHeldChanges {
  constructor(held: HeldChanges, approvals: OpenApprovalService, clock: Clock) {
    held.openWith(async (requester, change) => {
      const request = await approvals.openOf(requester, change);
      const seen = isLimited(reachOf(requester)) ? withoutOthersKeys(request) : request;
      return viewApproval(seen, clock.now());
    });
  }
}
