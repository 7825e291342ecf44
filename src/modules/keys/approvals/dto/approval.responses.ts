import { ApiProperty } from '@nestjs/swagger';

import { ApprovalResponse } from '#platform/http/approvals/approval.response.js';

export class ApprovalListResponse {
  @ApiProperty({ type: [ApprovalResponse] })
  data: ApprovalResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}
