import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Principal } from '#common/auth/principal.js';
import type { Page } from '#common/pagination/cursor.js';
import { Caller } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { ChangeWebhookService } from './change-webhook.service.js';
import { CreateWebhookService } from './create-webhook.service.js';
import { CreateWebhookDto, ListWebhooksQuery, UpdateWebhookDto } from './dto/webhook.dto.js';
import {
  DeletedWebhookResponse,
  WebhookListResponse,
  WebhookResponse,
  WebhookTestResponse,
  WebhookWithSecretResponse,
} from './dto/webhook.responses.js';
import { ReadWebhooksService } from './read-webhooks.service.js';
import { TestWebhookService } from './test-webhook.service.js';
import { viewWebhook, viewWithSecret } from './webhook.view.js';
import {
  NEW_WEBHOOK_EXAMPLE,
  WEBHOOK_EXAMPLE,
  WEBHOOK_WITH_SECRET_EXAMPLE,
} from './webhooks.examples.js';

@ApiTags('Webhooks')
@Controller('v1/webhooks')
export class WebhooksController {
  constructor(
    private readonly createWebhook: CreateWebhookService,
    private readonly readWebhooks: ReadWebhooksService,
    private readonly changeWebhook: ChangeWebhookService,
    private readonly testWebhook: TestWebhookService,
  ) {}

  @Post()
  @Endpoint({
    id: 'createWebhook',
    summary: 'Add a webhook',
    description:
      'Messages are signed as Standard Webhooks 1.0.0 has it. The secret is shown this once.',
    scope: 'org:write',
    allowsTeamKeys: true,
    status: 201,
    requestBody: CreateWebhookDto,
    requestExample: NEW_WEBHOOK_EXAMPLE,
    response: WebhookWithSecretResponse,
    example: WEBHOOK_WITH_SECRET_EXAMPLE,
    errors: ['not_found', 'conflict', 'escalation_denied'],
    idempotent: { secretFields: ['secret'] },
  })
  async create(
    @Caller() caller: Principal,
    @Body() body: CreateWebhookDto,
  ): Promise<WebhookWithSecretResponse> {
    return viewWithSecret(await this.createWebhook.create(caller, body));
  }

  @Get()
  @Endpoint({
    id: 'listWebhooks',
    summary: 'List webhooks',
    description:
      'Newest first, those that are notification channels of a key included. Who reaches only keys of some teams sees those of these teams.',
    scope: 'org:read',
    response: WebhookListResponse,
    example: { data: [WEBHOOK_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(
    @Caller() caller: Principal,
    @Query() query: ListWebhooksQuery,
  ): Promise<Page<WebhookResponse>> {
    return this.readWebhooks.list(caller, query);
  }

  @Get(':id')
  @Endpoint({
    id: 'getWebhook',
    summary: 'Get a webhook',
    scope: 'org:read',
    response: WebhookResponse,
    example: WEBHOOK_EXAMPLE,
    errors: ['not_found'],
  })
  async get(@Caller() caller: Principal, @Param('id') id: string): Promise<WebhookResponse> {
    return viewWebhook(await this.readWebhooks.get(caller, id));
  }

  @Patch(':id')
  @Endpoint({
    id: 'updateWebhook',
    summary: 'Change a webhook',
    description: 'Changes what is given.',
    scope: 'org:write',
    allowsTeamKeys: true,
    requestBody: UpdateWebhookDto,
    requestExample: { events: ['*'] },
    response: WebhookResponse,
    example: { ...WEBHOOK_EXAMPLE, events: ['*'] },
    errors: ['not_found', 'escalation_denied'],
  })
  async update(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body() body: UpdateWebhookDto,
  ): Promise<WebhookResponse> {
    return viewWebhook(await this.changeWebhook.change(caller, id, body));
  }

  @Delete(':id')
  @Endpoint({
    id: 'deleteWebhook',
    summary: 'Delete a webhook',
    description: 'What is still to be sent to it is given up.',
    scope: 'org:write',
    allowsTeamKeys: true,
    response: DeletedWebhookResponse,
    example: { id: WEBHOOK_EXAMPLE.id, deleted: true },
    errors: ['not_found'],
  })
  async delete(
    @Caller() caller: Principal,
    @Param('id') id: string,
  ): Promise<DeletedWebhookResponse> {
    await this.changeWebhook.delete(caller, id);
    return { id, deleted: true };
  }

  @Post(':id/rotate-secret')
  @Endpoint({
    id: 'rotateWebhookSecret',
    summary: 'Give a webhook a new secret',
    description:
      'It is shown this once. For 24 h each message has a signature by the new secret and one by the old.',
    scope: 'org:write',
    allowsTeamKeys: true,
    response: WebhookWithSecretResponse,
    example: WEBHOOK_WITH_SECRET_EXAMPLE,
    errors: ['not_found'],
    idempotent: { secretFields: ['secret'] },
  })
  async rotateSecret(
    @Caller() caller: Principal,
    @Param('id') id: string,
  ): Promise<WebhookWithSecretResponse> {
    return viewWithSecret(await this.changeWebhook.rotateSecret(caller, id));
  }

  @Post(':id/test')
  @Endpoint({
    id: 'testWebhook',
    summary: 'Send a test message to a webhook',
    description:
      'Sends one signed message of the type `webhook.test` at once, and answers how the receiver took it within 15 s.',
    scope: 'org:write',
    allowsTeamKeys: true,
    response: WebhookTestResponse,
    example: { delivered: true, response_status: 204, latency_ms: 87, error: null },
    errors: ['not_found'],
  })
  test(@Caller() caller: Principal, @Param('id') id: string): Promise<WebhookTestResponse> {
    return this.testWebhook.test(caller, id);
  }
}
