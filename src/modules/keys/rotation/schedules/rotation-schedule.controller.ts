import { Body, Controller, Delete, Get, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { CallingKey } from '../../calling-key.decorator.js';
import type { KeyView } from '../../domain/key-view.js';
import { writeChannel } from './domain/channel-address.js';
import {
  EndedRotationResponse,
  RotationResponse,
  SetRotationResponse,
} from './dto/rotation.responses.js';
import { KEY_SECRETS_EXAMPLE } from '../rotation.examples.js';
import { SetRotationDto } from './dto/set-rotation.dto.js';
import { ReadRotationService } from './read-rotation.service.js';
import { SetRotationService } from './set-rotation.service.js';

const ASKED = {
  enabled: true,
  schedule: '0 3 1 * *',
  time_zone: 'Europe/Berlin',
  strategy: 'gradual',
  notification_channels: [
    'email:security@example.com',
    'webhook:https://api.example.com/key-rotation',
  ],
  grace_period_hours: 24,
  auto_update_apps: true,
} as const;

const EXAMPLE = {
  ...KEY_SECRETS_EXAMPLE,
  ...ASKED,
  next_rotation_at: '2026-12-01T02:00:00.000Z',
  last_rotation_at: null,
  set_by: 'user_4fTqV0mZx1sLwq8nE2bYcA',
  blocked_by: null,
};

@ApiTags('Rotation')
@Controller('v1/keys/:id/rotation')
export class RotationScheduleController {
  constructor(
    private readonly setRotation: SetRotationService,
    private readonly readRotation: ReadRotationService,
  ) {}

  @Post()
  @Endpoint({
    id: 'setKeyRotation',
    summary: 'Rotate a key on a schedule',
    description:
      'Makes the key’s schedule, or replaces it as a whole; doing the same again changes nothing but for whom it acts: for whoever set it last, and as long as they might set it. At its times the key gets a new secret, which waits to be claimed once. What messages of a webhook that is new are signed with is in `channels`, this once.',
    scope: 'keys:write',
    requestBody: SetRotationDto,
    requestExample: ASKED,
    response: SetRotationResponse,
    example: {
      ...EXAMPLE,
      channels: [
        {
          address: ASKED.notification_channels[1],
          signing_secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
        },
      ],
      warnings: [],
    },
    errors: ['not_found', 'conflict', 'escalation_denied'],
    idempotent: { secretFields: ['channels'] },
  })
  async set(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Body() body: SetRotationDto,
  ): Promise<SetRotationResponse> {
    const { newWebhooks, warnings } = await this.setRotation.set(caller, id, body);
    return {
      ...(await this.readRotation.get(caller, id)),
      channels: newWebhooks.map(({ address, secret }) => ({
        address: writeChannel({ kind: 'webhook', address }),
        signing_secret: secret.reveal(),
      })),
      warnings: [...warnings],
    };
  }

  @Get()
  @Endpoint({
    id: 'getKeyRotation',
    summary: 'Get how a key is rotated',
    scope: 'keys:read',
    response: RotationResponse,
    example: EXAMPLE,
    errors: ['not_found'],
  })
  get(@CallingKey() caller: KeyView, @Param('id') id: string): Promise<RotationResponse> {
    return this.readRotation.get(caller, id);
  }

  @Delete()
  @Endpoint({
    id: 'endKeyRotation',
    summary: 'End a key’s schedule',
    description:
      'It is rotated by itself no more, and its channels hear of it no more. Its secrets stay as they are, and one that waits can still be claimed.',
    scope: 'keys:write',
    response: EndedRotationResponse,
    example: { id: EXAMPLE.id, deleted: true },
    errors: ['not_found', 'conflict', 'escalation_denied'],
  })
  async end(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
  ): Promise<EndedRotationResponse> {
    await this.setRotation.end(caller, id);
    return { id, deleted: true };
  }
}
