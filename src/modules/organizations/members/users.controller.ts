import { Body, Controller, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Principal } from '#common/auth/principal.js';
import { Caller } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { SuspendUserDto } from './dto/member.dto.js';
import { UserStandingResponse } from './dto/member.responses.js';
import { USER_STANDING_EXAMPLE } from './members.examples.js';
import { SuspendUserService } from './suspend-user.service.js';

@ApiTags('Members')
@Controller('v1/users')
export class UsersController {
  constructor(private readonly suspendUser: SuspendUserService) {}

  @Post(':id/suspend')
  @Endpoint({
    id: 'suspendUser',
    summary: 'Suspend a user',
    description:
      'In the caller’s organization, where they get nothing until they are resumed; with a master key also `everywhere`.',
    scope: 'org:write',
    requestBody: SuspendUserDto,
    isBodyOptional: true,
    requestExample: { everywhere: false },
    response: UserStandingResponse,
    example: USER_STANDING_EXAMPLE,
    errors: ['not_found', 'conflict', 'escalation_denied'],
  })
  suspend(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body() body: SuspendUserDto,
  ): Promise<UserStandingResponse> {
    return this.suspendUser.setStatus(caller, id, 'suspended', body);
  }

  @Post(':id/resume')
  @Endpoint({
    id: 'resumeUser',
    summary: 'Resume a user',
    description:
      'Where they were suspended: in the caller’s organization, or `everywhere`. The one does not undo the other.',
    scope: 'org:write',
    requestBody: SuspendUserDto,
    isBodyOptional: true,
    requestExample: { everywhere: false },
    response: UserStandingResponse,
    example: { ...USER_STANDING_EXAMPLE, status: 'active' },
    errors: ['not_found', 'escalation_denied'],
  })
  resume(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body() body: SuspendUserDto,
  ): Promise<UserStandingResponse> {
    return this.suspendUser.setStatus(caller, id, 'active', body);
  }
}
