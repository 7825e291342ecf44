import { Controller, Get, Headers, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiHeader, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { Tickets } from '#modules/auth/index.js';
import { CallingKey, type KeyView } from '#modules/keys/index.js';
import { Endpoint, type EndpointMetadata } from '#platform/http/endpoint.decorator.js';
import { takeUpgrade } from '#platform/http/upgrades.js';

import { StreamQuery, UsageTicketResponse } from './dto/live-usage.dto.js';
import { EventStreamOutlet } from './event-stream.outlet.js';
import type { Admission } from './listener.js';
import { EVENTS_DESCRIPTION, EVENTS_EXAMPLE } from './live-usage.examples.js';
import { LiveUsage } from './live-usage.service.js';
import { WebSocketOutlet } from './web-socket.outlet.js';

@ApiTags('Usage')
@Controller('v1')
export class LiveUsageController {
  constructor(
    private readonly live: LiveUsage,
    private readonly tickets: Tickets,
  ) {}

  /** OpenAPI has no words for a WebSocket; the event stream’s description has. */
  @Get('keys/:id/usage/stream')
  @ApiExcludeEndpoint()
  @Endpoint({
    id: 'streamKeyUsage',
    summary: 'Listen to a key’s usage over a WebSocket',
    scope: 'usage:read',
    takesTickets: true,
  })
  async stream(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Query() { last_event_id: lastEventId }: StreamQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.live.open(admissionOf(request, caller), id, orNull(lastEventId), () => {
      const upgrade = takeUpgrade(request.raw, reply.raw);
      reply.hijack();
      return WebSocketOutlet.accept(request.raw, upgrade, request.id);
    });
  }

  @Get('keys/:id/usage/events')
  @Endpoint({
    id: 'streamKeyUsageEvents',
    summary: 'Listen to a key’s usage',
    description: EVENTS_DESCRIPTION,
    scope: 'usage:read',
    contentType: 'text/event-stream',
    example: EVENTS_EXAMPLE,
    errors: ['not_found', 'conflict', 'concurrency_limit_exceeded'],
  })
  @ApiHeader({
    name: 'last-event-id',
    required: false,
    description: 'The `id` of the last event: the stream goes on behind it.',
    schema: { type: 'string', maxLength: 5_000 },
  })
  async events(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Headers('last-event-id') lastEventId?: string,
  ): Promise<void> {
    await this.live.open(admissionOf(request, caller), id, orNull(lastEventId), () => {
      reply.hijack();
      const outlet = new EventStreamOutlet(reply.raw, request.id);
      if (request.method !== 'HEAD') return outlet;
      reply.raw.end();
      return null;
    });
  }

  @Post('keys/:id/usage/tickets')
  @Endpoint({
    id: 'createUsageTicket',
    summary: 'Get a ticket for a key’s usage stream',
    description:
      'Pages can’t set a header of a WebSocket. The ticket takes the place of the key in `?ticket=`: once, within 60 seconds, for this one stream. It is held to all that the calling key is held to.',
    scope: 'usage:read',
    status: 201,
    response: UsageTicketResponse,
    example: {
      ticket: `lkt_${'EXAMPLE'.repeat(6)}0`,
      expires_at: '2026-11-27T10:01:00.000Z',
    },
    errors: ['not_found'],
    idempotent: { secretFields: ['ticket'] },
  })
  async createTicket(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
  ): Promise<UsageTicketResponse> {
    const { keyId } = await this.live.find(caller, id);
    const { ticket, expiresAt } = await this.tickets.issue(
      caller,
      `/v1/keys/${keyId}/usage/stream`,
    );
    return { ticket: ticket.reveal(), expires_at: expiresAt.toISOString() };
  }
}

function admissionOf(request: FastifyRequest, caller: KeyView): Admission {
  const { endpoint } = request.routeOptions.config as unknown as { endpoint: EndpointMetadata };
  return { request: request.raw, endpoint, caller };
}

/** Some clients send what they do not have as an empty text. */
function orNull(lastEventId: string | undefined): string | null {
  return lastEventId === undefined || lastEventId === '' ? null : lastEventId;
}
