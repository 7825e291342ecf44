import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Page } from '#common/pagination/cursor.js';
import { PageQuery } from '#common/pagination/page.query.js';
import { CallerOrganization } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import {
  CreateNotificationEmailDto,
  DeletedNotificationEmailResponse,
  NotificationEmailListResponse,
  NotificationEmailResponse,
} from './dto/notification-email.dto.js';
import { NotificationEmailsService } from './notification-emails.service.js';

const EXAMPLE = {
  id: 'ch_4fTqV0mZx1sLwq8nE2bYcA',
  email: 'ops@example.com',
  events: ['key.expiring', 'key.expired'],
  description: 'On-call',
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
    description: 'The organization’s, newest first. Those of single keys are not among them.',
    scope: 'org:read',
    response: NotificationEmailListResponse,
    example: { data: [EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(
    @CallerOrganization() organizationId: string,
    @Query() page: PageQuery,
  ): Promise<Page<NotificationEmailResponse>> {
    return this.emails.list(organizationId, page);
  }

  @Post()
  @Endpoint({
    id: 'createNotificationEmail',
    summary: 'Send notifications to an e-mail address',
    description: 'At most 100 in an organization, each address once.',
    scope: 'org:write',
    status: 201,
    requestBody: CreateNotificationEmailDto,
    requestExample: {
      email: EXAMPLE.email,
      events: EXAMPLE.events,
      description: EXAMPLE.description,
    },
    response: NotificationEmailResponse,
    example: EXAMPLE,
    errors: ['conflict'],
  })
  create(
    @CallerOrganization() organizationId: string,
    @Body() body: CreateNotificationEmailDto,
  ): Promise<NotificationEmailResponse> {
    return this.emails.create(organizationId, body);
  }

  @Delete(':id')
  @Endpoint({
    id: 'deleteNotificationEmail',
    summary: 'Stop notifications to an e-mail address',
    scope: 'org:write',
    response: DeletedNotificationEmailResponse,
    example: { id: EXAMPLE.id, deleted: true },
    errors: ['not_found'],
  })
  async delete(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
  ): Promise<DeletedNotificationEmailResponse> {
    await this.emails.delete(organizationId, id);
    return { id, deleted: true };
  }
}
