import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { assertReachesAll, CallingKey, type KeyView } from '#modules/keys/index.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { VERIFICATION_EXAMPLE } from '../audit.examples.js';
import { viewCheckpoint } from '../checkpoints/checkpoint.view.js';
import { VerificationResponse, VerifyAuditLogQuery } from '../dto/verification.dto.js';
import { type Verification, VerifyLogService } from './verify-log.service.js';

@ApiTags('Audit')
@Controller('v1/audit/verify')
export class VerificationController {
  constructor(private readonly verifying: VerifyLogService) {}

  @Get()
  @Endpoint({
    id: 'verifyAuditLog',
    summary: 'Verify the audit log',
    description:
      'All of the organization’s entries: their places, the chain of their hashes, that this installation has written each, and the checkpoints.',
    scope: 'audit:read',
    response: VerificationResponse,
    example: VERIFICATION_EXAMPLE,
    errors: ['concurrency_limit_exceeded', 'invalid_request'],
  })
  async verify(
    @CallingKey() caller: KeyView,
    @Query() { checkpoints }: VerifyAuditLogQuery,
  ): Promise<VerificationResponse> {
    assertReachesAll(caller, 'The log is verified as a whole.');
    return viewVerification(await this.verifying.verify(caller.organizationId, checkpoints));
  }
}

function viewVerification(verification: Verification): VerificationResponse {
  const { entries, unsealed, firstInvalid, checkpoint } = verification;
  return {
    valid: firstInvalid === null,
    entries,
    unsealed,
    first_invalid: firstInvalid,
    checkpoint: checkpoint && viewCheckpoint(checkpoint),
  };
}
