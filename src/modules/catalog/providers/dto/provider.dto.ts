import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsObject, IsOptional, ValidateNested } from 'class-validator';

import { Int, OneOf, Text } from '#common/validation/fields.js';
import { MAX_TARGET_URL_LENGTH } from '#platform/http/outbound/target-url.js';

import { DEFAULT_TIMEOUTS } from '../domain/timeouts.js';

export const PROVIDER_KINDS = ['openai-compatible'] as const;
export type ProviderKind = (typeof PROVIDER_KINDS)[number];

const PROVIDER_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
/** What can stand in a header. */
const VISIBLE_ASCII = /^[!-~]+$/;
const MAX_CREDENTIAL_LENGTH = 4_096;
const ONE_MINUTE_MS = 60_000;
const TEN_MINUTES_MS = 600_000;
const ONE_HOUR_MS = 3_600_000;

const NAME = {
  description: 'What you will know it by; unique in the organization.',
  example: 'openai',
  max: 64,
  pattern: PROVIDER_NAME,
};
const BASE_URL = {
  description: 'Where its OpenAI-compatible API is, up to and including the version.',
  example: 'https://api.openai.com/v1',
  max: MAX_TARGET_URL_LENGTH,
};
const API_KEY = {
  description:
    'Sent to this address’s origin only, as a bearer token. It is stored sealed and never answered.',
  example: 'sk-EXAMPLE',
  max: MAX_CREDENTIAL_LENGTH,
  pattern: VISIBLE_ASCII,
  optional: true,
  nullable: true,
};

export class ProviderTimeoutsDto {
  @Int({
    description: `Until it is connected, in ms; ${DEFAULT_TIMEOUTS.connectMs} unless said.`,
    min: 1,
    max: ONE_MINUTE_MS,
    optional: true,
  })
  connect_ms?: number;

  @Int({
    description: `Until the answer begins, in ms; ${DEFAULT_TIMEOUTS.firstByteMs} unless said.`,
    min: 1,
    max: TEN_MINUTES_MS,
    optional: true,
  })
  first_byte_ms?: number;

  @Int({
    description: `Between two pieces of the answer, in ms; ${DEFAULT_TIMEOUTS.idleMs} unless said.`,
    min: 1,
    max: TEN_MINUTES_MS,
    optional: true,
  })
  idle_ms?: number;

  @Int({
    description: `For the whole call, in ms; ${DEFAULT_TIMEOUTS.totalMs} unless said.`,
    min: 1,
    max: ONE_HOUR_MS,
    optional: true,
  })
  total_ms?: number;
}

export class CreateProviderDto {
  @Text(NAME)
  name: string;

  @OneOf({
    description: 'Which protocol it speaks.',
    values: PROVIDER_KINDS,
    example: 'openai-compatible',
  })
  kind: ProviderKind;

  @Text(BASE_URL)
  base_url: string;

  @Text(API_KEY)
  api_key?: string | null;

  @ApiPropertyOptional({ type: ProviderTimeoutsDto })
  @IsOptional()
  @IsObject()
  @Type(() => ProviderTimeoutsDto)
  @ValidateNested()
  timeouts?: ProviderTimeoutsDto;
}

export class UpdateProviderDto {
  @Text({ ...NAME, optional: true })
  name?: string;

  @Text({
    ...BASE_URL,
    description: `${BASE_URL.description} At another origin the old key is not used: give api_key too.`,
    optional: true,
  })
  base_url?: string;

  @Text({ ...API_KEY, description: `${API_KEY.description} \`null\` removes it.` })
  api_key?: string | null;

  @ApiPropertyOptional({
    type: ProviderTimeoutsDto,
    description: 'Those left out stay as they are.',
  })
  @IsOptional()
  @IsObject()
  @Type(() => ProviderTimeoutsDto)
  @ValidateNested()
  timeouts?: ProviderTimeoutsDto;
}
