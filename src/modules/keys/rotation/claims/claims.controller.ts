import { Controller, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { CallingKey, CallingKeyItself } from '../../calling-key.decorator.js';
import type { KeyView } from '../../domain/key-view.js';
import { ClaimSecretService } from './claim-secret.service.js';
import type { ClaimedSecret } from './hand-out-secret.service.js';
import { ClaimedSecretResponse } from './dto/claimed-secret.response.js';

const EXAMPLE = {
  id: 'key_4fTqV0mZx1sLwq8nE2bYcA',
  key: 'pr-live-4fTqV0mZx1sLwq8nE2bYcAd7Hk9Rx3Gt',
  old_key_expires_at: '2026-12-02T02:00:00.000Z',
  claimed_at: '2026-12-01T02:05:00.000Z',
};

@ApiTags('Rotation')
@Controller('v1')
export class ClaimsController {
  constructor(private readonly claimSecret: ClaimSecretService) {}

  @Post('keys/:id/claim')
  @Endpoint({
    id: 'claimKeySecret',
    summary: 'Claim the secret that a scheduled rotation has made',
    description:
      'It is handed out once. Send `Idempotency-Key`, so that a lost answer can be asked for again.',
    scope: 'keys:write',
    response: ClaimedSecretResponse,
    example: EXAMPLE,
    errors: ['not_found', 'conflict', 'escalation_denied'],
    idempotent: { secretFields: ['key'] },
  })
  async claim(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
  ): Promise<ClaimedSecretResponse> {
    return view(await this.claimSecret.claim(caller, id));
  }

  @Post('key/claim')
  @Endpoint({
    id: 'claimOwnSecret',
    summary: 'Claim the calling key’s new secret',
    description:
      'For who has the old secret, where `auto_update_apps` of the key’s rotation is on. It is handed out once: send `Idempotency-Key`, so that a lost answer can be asked for again. 409 says that none waits.',
    scope: 'authenticated',
    response: ClaimedSecretResponse,
    example: EXAMPLE,
    errors: ['conflict'],
    idempotent: { secretFields: ['key'] },
  })
  async claimOwn(@CallingKeyItself() caller: KeyView): Promise<ClaimedSecretResponse> {
    return view(await this.claimSecret.claimOwn(caller));
  }
}

function view({ keyId, secret, oldExpiresAt, claimedAt }: ClaimedSecret): ClaimedSecretResponse {
  return {
    id: keyId,
    key: secret.reveal(),
    old_key_expires_at: oldExpiresAt?.toISOString() ?? null,
    claimed_at: claimedAt.toISOString(),
  };
}
