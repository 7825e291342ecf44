import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Principal } from '#common/auth/principal.js';
import type { Page } from '#common/pagination/cursor.js';
import { Caller } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import {
  CreateNotificationEmailDto,
  DeletedNotificationEmailResponse,
  ListNotificationEmailsQuery,
  NotificationEmailListResponse,
  NotificationEmailResponse,
} from './dto/notification-email.dto.js';
import { NotificationEmailsService } from './notification-emails.service.js';

const EXAMPLE = {
  id: 'ch_4fTqV0mZx1sLwq8nE2bYcA',
  email: 'ops@example.com',
  events: ['key.expiring', 'key.expired'],
  description: 'On-call',
  team_id: null,
  created_at: '2026-11-21T09:00:00.000Z',
};

@ApiTags('Notifications')
@Controller('v1/notification-emails')
export class NotificationEmailsController {
  constructor(private readonly emails: NotificationEmailsService) {}

  @Get()
  @Endpoint({
    id: 'listNotificationEmails',
    summary: 'List notification e-mails',
    description:
      'The organization’s and its teams’, newest first. Those of single keys are not among them. Who reaches only keys of some teams sees those of these teams.',
    scope: 'org:read',
    response: NotificationEmailListResponse,
    example: { data: [EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(
    @Caller() caller: Principal,
    @Query() query: ListNotificationEmailsQuery,
  ): Promise<Page<NotificationEmailResponse>> {
    return this.emails.list(caller, query);
  }

  @Post()
  @Endpoint({
    id: 'createNotificationEmail',
    summary: 'Send notifications to an e-mail address',
    description:
      'At most 100 in an organization, each address once for all keys and once for each team.',
    scope: 'org:write',
    allowsTeamKeys: true,
    status: 201,
    requestBody: CreateNotificationEmailDto,
    requestExample: {
      email: EXAMPLE.email,
      events: EXAMPLE.events,
      description: EXAMPLE.description,
    },
    response: NotificationEmailResponse,
    example: EXAMPLE,
    errors: ['not_found', 'conflict', 'escalation_denied'],
  })
  create(
    @Caller() caller: Principal,
    @Body() body: CreateNotificationEmailDto,
  ): Promise<NotificationEmailResponse> {
    return this.emails.create(caller, body);
  }

  @Delete(':id')
  @Endpoint({
    id: 'deleteNotificationEmail',
    summary: 'Stop notifications to an e-mail address',
    scope: 'org:write',
    allowsTeamKeys: true,
    response: DeletedNotificationEmailResponse,
    example: { id: EXAMPLE.id, deleted: true },
    errors: ['not_found'],
  })
  async delete(
    @Caller() caller: Principal,
    @Param('id') id: string,
  ): Promise<DeletedNotificationEmailResponse> {
    await this.emails.delete(caller, id);
    return { id, deleted: true };
  }
}
