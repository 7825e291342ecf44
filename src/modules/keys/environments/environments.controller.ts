import { Body, Controller, Get, Headers, Param, Put, UseInterceptors } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';

import { Endpoint } from '#platform/http/endpoint.decorator.js';
import { VersionTagInterceptor } from '#platform/http/version-tag.interceptor.js';

import { CallingKey } from '../calling-key.decorator.js';
import type { KeyView } from '../domain/key-view.js';
import { SetEnvironmentDto } from './dto/environment.dto.js';
import { EnvironmentListResponse, EnvironmentResponse } from './dto/environment.responses.js';
import { viewEnvironment } from './environment.view.js';
import { NEW_SETTINGS_EXAMPLE, SETTINGS_EXAMPLE } from './environments.examples.js';
import { environmentOf, ReadEnvironmentsService } from './read-environments.service.js';
import { SetEnvironmentService } from './set-environment.service.js';

@ApiTags('Environments')
@Controller('v1/environments')
@UseInterceptors(VersionTagInterceptor)
export class EnvironmentsController {
  constructor(
    private readonly environments: ReadEnvironmentsService,
    private readonly setEnvironment: SetEnvironmentService,
  ) {}

  @Get()
  @Endpoint({
    id: 'listEnvironments',
    summary: 'List environments',
    description: 'All three, also those of which nothing was ever said.',
    scope: 'config:read',
    response: EnvironmentListResponse,
    example: { data: [SETTINGS_EXAMPLE] },
    errors: [],
  })
  async list(@CallingKey() caller: KeyView): Promise<EnvironmentListResponse> {
    return { data: (await this.environments.list(caller)).map(viewEnvironment) };
  }

  @Get(':environment')
  @Endpoint({
    id: 'getEnvironment',
    summary: 'Get what is said of an environment',
    scope: 'config:read',
    response: EnvironmentResponse,
    example: SETTINGS_EXAMPLE,
    errors: ['not_found'],
  })
  async get(
    @CallingKey() caller: KeyView,
    @Param('environment') environment: string,
  ): Promise<EnvironmentResponse> {
    return viewEnvironment(await this.environments.get(caller, environment));
  }

  @Put(':environment')
  @Endpoint({
    id: 'setEnvironment',
    summary: 'Say what keys of an environment start with, and what they keep to',
    description:
      'Replaces all that was said before. Defaults can’t say what the key that sets them may not grant, and nobody gets more of them than whoever makes the key has. They count for new keys only. Rules bind all keys of the environment but master keys, at once; whoever calls with a key that would break them itself gets a 409.',
    scope: 'config:write',
    requestBody: SetEnvironmentDto,
    requestExample: NEW_SETTINGS_EXAMPLE,
    response: EnvironmentResponse,
    example: SETTINGS_EXAMPLE,
    errors: [
      'not_found',
      'conflict',
      'precondition_failed',
      'escalation_denied',
      'operation_not_allowed',
      'invalid_request',
    ],
  })
  @ApiHeader({ name: 'if-match', required: false, description: 'The `ETag` of what you read.' })
  async set(
    @CallingKey() caller: KeyView,
    @Param('environment') environment: string,
    @Body() body: SetEnvironmentDto,
    @Headers('if-match') ifMatch?: string,
  ): Promise<EnvironmentResponse> {
    const name = environmentOf(environment);
    return viewEnvironment(await this.setEnvironment.set(caller, name, body, ifMatch ?? null));
  }
}
