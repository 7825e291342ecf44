import { Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Principal } from '#common/auth/principal.js';
import type { Page } from '#common/pagination/cursor.js';
import { Caller } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { ListDeliveriesQuery } from './dto/webhook.dto.js';
import { DeliveryListResponse, DeliveryResponse } from './dto/webhook.responses.js';
import { WebhookDeliveriesService } from './webhook-deliveries.service.js';
import { DELIVERY_EXAMPLE } from './webhooks.examples.js';

@ApiTags('Webhooks')
@Controller('v1/webhooks/:id/deliveries')
export class WebhookDeliveriesController {
  constructor(private readonly deliveries: WebhookDeliveriesService) {}

  @Get()
  @Endpoint({
    id: 'listWebhookDeliveries',
    summary: 'List what was sent to a webhook',
    description: 'Newest first, for 30 days. Those that are `failed` are not tried any more.',
    scope: 'org:read',
    response: DeliveryListResponse,
    example: { data: [DELIVERY_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request', 'not_found'],
  })
  list(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Query() query: ListDeliveriesQuery,
  ): Promise<Page<DeliveryResponse>> {
    return this.deliveries.list(caller, id, query);
  }

  @Post(':delivery_id/replay')
  @Endpoint({
    id: 'replayWebhookDelivery',
    summary: 'Send a message to a webhook again',
    description:
      'One that was delivered or has failed, now, with the same `webhook-id`. Where that fails it is tried as often as a new one.',
    scope: 'org:write',
    allowsTeamKeys: true,
    response: DeliveryResponse,
    example: {
      ...DELIVERY_EXAMPLE,
      status: 'pending',
      attempts: 0,
      response_status: null,
      next_attempt_at: '2026-11-27T10:00:00.000Z',
    },
    errors: ['not_found', 'conflict'],
  })
  replay(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Param('delivery_id') deliveryId: string,
  ): Promise<DeliveryResponse> {
    return this.deliveries.replay(caller, id, deliveryId);
  }
}
