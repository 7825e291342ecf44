import { Controller, Get, Header } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';

import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { POLICY_SCHEMA } from './domain/policy/policy-schema.js';

class JsonSchemaResponse {
  @ApiProperty({ name: '$schema' })
  $schema: string;

  @ApiProperty()
  title: string;

  @ApiProperty()
  description: string;

  @ApiProperty()
  type: string;

  @ApiProperty()
  additionalProperties: boolean;

  @ApiProperty({ type: 'object', additionalProperties: true })
  properties: Record<string, unknown>;
}

/** What editors and scripts check a policy with before they send it. */
@ApiTags('Keys')
@Controller('schemas')
export class PolicySchemaController {
  @Get('key-policy.json')
  @Header('cache-control', 'public, max-age=3600')
  @Endpoint({
    id: 'getKeyPolicySchema',
    summary: 'Get the JSON Schema of a key’s policy',
    description: 'Every field that `POST /v1/keys` takes, in every spelling (JSON Schema 2020-12).',
    scope: 'public',
    response: JsonSchemaResponse,
    example: { ...POLICY_SCHEMA, properties: {} },
  })
  get(): typeof POLICY_SCHEMA {
    return POLICY_SCHEMA;
  }
}
