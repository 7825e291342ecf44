import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { HeldChanges } from '#modules/organizations/index.js';

import { viewApproval } from './approval.view.js';
import { OpenApprovalService } from './open-approval.service.js';

/** Lets the modules below this one ask for approval. */
@Injectable()
export class OpenHeldChanges {
  constructor(held: HeldChanges, approvals: OpenApprovalService, clock: Clock) {
    held.openWith(async (requester, change) =>
      viewApproval(await approvals.openOf(requester, change), clock.now()),
    );
  }
}
