import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { assertReachesAll, CallingKey, type KeyView } from '#modules/keys/index.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { CHECKPOINT_EXAMPLE, VERIFICATION_EXAMPLE } from '../audit.examples.js';
import { viewCheckpoint } from '../checkpoints/checkpoint.view.js';
import { AskedLogQuery, organizationOf } from '../dto/asked-log.js';
import {
  VerificationResponse,
  VerifyAuditLogDto,
  VerifyAuditLogQuery,
} from '../dto/verification.dto.js';
import { type Verification, VerifyLogService } from './verify-log.service.js';

/** For who may not. */
const WHOLE = 'The log is verified as a whole.';

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
    @Query() query: VerifyAuditLogQuery,
  ): Promise<VerificationResponse> {
    assertReachesAll(caller, WHOLE);
    const organizationId = organizationOf(caller, query);
    return viewVerification(await this.verifying.verify(organizationId, query.checkpoints));
  }

  @Post()
  @Endpoint({
    id: 'verifyAuditLogAgainst',
    summary: 'Verify the audit log against many checkpoints',
    description:
      'As `GET /v1/audit/verify`, with checkpoints of up to 256 KiB. Nothing is changed by it.',
    scope: 'audit:read',
    requestBody: VerifyAuditLogDto,
    requestExample: { checkpoints: CHECKPOINT_EXAMPLE.note },
    response: VerificationResponse,
    example: VERIFICATION_EXAMPLE,
    errors: ['concurrency_limit_exceeded', 'invalid_request'],
  })
  async verifyAgainst(
    @CallingKey() caller: KeyView,
    @Query() query: AskedLogQuery,
    @Body() { checkpoints }: VerifyAuditLogDto,
  ): Promise<VerificationResponse> {
    assertReachesAll(caller, WHOLE);
    const organizationId = organizationOf(caller, query);
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
