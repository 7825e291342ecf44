import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { CallerOrganization } from '#platform/http/caller-organization.decorator.js';
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
    @CallerOrganization() organizationId: string,
    @Query() { checkpoints }: VerifyAuditLogQuery,
  ): Promise<VerificationResponse> {
    return viewVerification(await this.verifying.verify(organizationId, checkpoints));
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
