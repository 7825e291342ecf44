import { Body, Controller, Param, Post, UseInterceptors } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { Endpoint } from '#platform/http/endpoint.decorator.js';
import { VersionTagInterceptor } from '#platform/http/version-tag.interceptor.js';

import { CallingKey } from '../calling-key.decorator.js';
import type { KeyView } from '../domain/key-view.js';
import { KeyResponse } from '../dto/key.responses.js';
import { KEY_EXAMPLE } from '../keys.examples.js';
import { ConfirmsPropagation } from '../propagation.interceptor.js';
import { ReadKeysService } from '../read-keys.service.js';
import { DecideApprovalService } from './decide-approval.service.js';
import { DecideApprovalDto } from './dto/approval.dto.js';

@ApiTags('Approvals')
@Controller('v1/keys/:id')
@UseInterceptors(VersionTagInterceptor)
export class KeyApprovalsController {
  constructor(
    private readonly decideApproval: DecideApprovalService,
    private readonly readKeys: ReadKeysService,
  ) {}

  @Post('approve')
  @Endpoint({
    id: 'approveKey',
    summary: 'Approve what waits for a key',
    description:
      'The key itself, where it is new, or what it is to get more. Whoever asked can’t, nor can who made the key, nor any key of theirs.',
    scope: 'keys:write',
    requestBody: DecideApprovalDto,
    isBodyOptional: true,
    requestExample: { reason: 'as agreed' },
    response: KeyResponse,
    example: { ...KEY_EXAMPLE, version: 2 },
    errors: ['not_found', 'conflict', 'escalation_denied', 'approval_required', 'invalid_request'],
  })
  @ConfirmsPropagation()
  async approve(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Body() body: DecideApprovalDto,
  ): Promise<KeyResponse> {
    await this.decideApproval.decide(caller, id, null, {
      status: 'approved',
      reason: body.reason ?? null,
    });
    return this.readKeys.get(caller, id);
  }

  @Post('reject')
  @Endpoint({
    id: 'rejectKey',
    summary: 'Reject what waits for a key',
    description: 'A new key is revoked by that; one that was to get more stays as it is.',
    scope: 'keys:write',
    requestBody: DecideApprovalDto,
    isBodyOptional: true,
    requestExample: { reason: 'not for production' },
    response: KeyResponse,
    example: {
      ...KEY_EXAMPLE,
      status: 'revoked',
      revoked_at: '2026-11-21T10:00:00.000Z',
      revoked_reason: 'not for production',
      version: 2,
    },
    errors: ['not_found', 'conflict', 'escalation_denied', 'approval_required', 'invalid_request'],
  })
  @ConfirmsPropagation()
  async reject(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Body() body: DecideApprovalDto,
  ): Promise<KeyResponse> {
    await this.decideApproval.decide(caller, id, null, {
      status: 'rejected',
      reason: body.reason ?? null,
    });
    return this.readKeys.get(caller, id);
  }
}
