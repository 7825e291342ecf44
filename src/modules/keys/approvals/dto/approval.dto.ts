import { PageQuery } from '#common/pagination/page.query.js';
import { OneOf, Text } from '#common/validation/fields.js';

import {
  APPROVAL_STATUSES,
  APPROVAL_SUBJECTS,
  type ApprovalStatus,
  type ApprovalSubject,
} from '#platform/http/approvals/approval.response.js';

export class ListApprovalsQuery extends PageQuery {
  @OneOf({ description: 'Only those in this state.', values: APPROVAL_STATUSES, optional: true })
  status?: ApprovalStatus;

  @Text({ description: 'Only those of this key.', max: 64, optional: true })
  key_id?: string;

  @OneOf({ description: 'Only those of such.', values: APPROVAL_SUBJECTS, optional: true })
  subject_type?: ApprovalSubject;
}

export class DecideApprovalDto {
  @Text({
    description: 'Why; kept with the request, and with a new key that is revoked by it.',
    example: 'not for production',
    max: 500,
    optional: true,
  })
  reason?: string;
}
