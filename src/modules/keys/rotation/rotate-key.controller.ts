import { Body, Controller, Param, Patch, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { CallingKey } from '../calling-key.decorator.js';
import type { KeyView } from '../domain/key-view.js';
import { ConfirmsPropagation } from '../propagation.interceptor.js';
import { MoveCutOffDto, RotateKeyDto } from './dto/rotate-key.dto.js';
import { KeySecretsResponse, RotatedKeyResponse } from './dto/rotate-key.responses.js';
import { RotateKeyService } from './rotate-key.service.js';
import { KEY_SECRETS_EXAMPLE, ROTATED_KEY_EXAMPLE } from './rotation.examples.js';

@ApiTags('Rotation')
@Controller('v1/keys/:id')
export class RotateKeyController {
  constructor(private readonly rotateKey: RotateKeyService) {}

  @Post('rotate')
  @Endpoint({
    id: 'rotateKey',
    summary: 'Rotate a key’s secret',
    description:
      'The new secret is in the answer’s `key`, this once; the old ones are good until `old_key_expires_at`, and answers to them say so in `Deprecation` and `Sunset`. Id, rights, limits, usage and signing secret stay. At most three secrets are good at once.',
    scope: 'keys:write',
    requestBody: RotateKeyDto,
    isBodyOptional: true,
    requestExample: { grace_period_hours: 24 },
    response: RotatedKeyResponse,
    example: ROTATED_KEY_EXAMPLE,
    errors: ['not_found', 'conflict', 'escalation_denied', 'invalid_request'],
    idempotent: { secretFields: ['key'] },
  })
  @ConfirmsPropagation()
  async rotate(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Body() body: RotateKeyDto,
  ): Promise<RotatedKeyResponse> {
    const { secret, oldExpiresAt } = await this.rotateKey.rotate(caller, id, body);
    return { id, key: secret.reveal(), old_key_expires_at: oldExpiresAt.toISOString() };
  }

  @Patch('rotation')
  @Endpoint({
    id: 'moveKeyCutOff',
    summary: 'Move the cut-off of a key’s old secrets',
    description: 'Earlier or later, as long as one of them is good.',
    scope: 'keys:write',
    requestBody: MoveCutOffDto,
    requestExample: { old_key_expires_at: '2026-11-23T09:00:00Z' },
    response: KeySecretsResponse,
    example: KEY_SECRETS_EXAMPLE,
    errors: ['not_found', 'conflict', 'escalation_denied', 'invalid_request'],
  })
  @ConfirmsPropagation()
  async moveCutOff(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Body() body: MoveCutOffDto,
  ): Promise<KeySecretsResponse> {
    return { id, ...(await this.rotateKey.moveCutOff(caller, id, body.old_key_expires_at)) };
  }

  @Post('rotation/rollback')
  @Endpoint({
    id: 'rollBackKeyRotation',
    summary: 'Roll a key’s rotation back',
    description:
      'Until the cut-off: the secret before the current one is current again, without an end, and the current one is refused at once here, and on every other instance within a second.',
    scope: 'keys:write',
    response: KeySecretsResponse,
    example: { ...KEY_SECRETS_EXAMPLE, state: 'idle', old_key_expires_at: null },
    errors: ['not_found', 'conflict', 'escalation_denied'],
  })
  @ConfirmsPropagation()
  async rollBack(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
  ): Promise<KeySecretsResponse> {
    return { id, ...(await this.rotateKey.rollBack(caller, id)) };
  }
}
