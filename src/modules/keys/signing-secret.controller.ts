import { Controller, Param, Post, UseInterceptors } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { Endpoint } from '#platform/http/endpoint.decorator.js';
import { VersionTagInterceptor } from '#platform/http/version-tag.interceptor.js';

import { ChangeKeyService } from './change-key.service.js';
import { CallingKey } from './calling-key.decorator.js';
import type { KeyView } from './domain/key-view.js';
import { SigningSecretResponse } from './dto/key.responses.js';
import { SIGNING_SECRET_EXAMPLE } from './keys.examples.js';

@ApiTags('Keys')
@Controller('v1/keys/:id/signing-secret')
@UseInterceptors(VersionTagInterceptor)
export class SigningSecretController {
  constructor(private readonly changeKey: ChangeKeyService) {}

  @Post()
  @Endpoint({
    id: 'reissueSigningSecret',
    summary: 'Get a new signing secret for a key',
    description:
      'For a key whose requests must be signed. The secret is shown this once; the one before ends at once here, and on every other instance within a second.',
    scope: 'keys:write',
    status: 201,
    response: SigningSecretResponse,
    example: SIGNING_SECRET_EXAMPLE,
    errors: ['not_found', 'conflict', 'escalation_denied'],
    idempotent: { secretFields: ['signing_secret'] },
  })
  async reissue(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
  ): Promise<SigningSecretResponse> {
    const { key, secret } = await this.changeKey.reissueSigningSecret(caller, id);
    return { id: key.id, signing_secret: secret.reveal(), version: key.version };
  }
}
