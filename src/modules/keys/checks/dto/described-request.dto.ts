import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsOptional } from 'class-validator';

import { Int, OneOf, Text, TextList } from '#common/validation/fields.js';

import { FEATURES } from '../../domain/features.js';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
export const MOST_TOKENS = 2 ** 31 - 1;

/** A request that nobody has sent. What is left out is not known, so no rule refuses because of it. */
export class DescribedRequestDto {
  @OneOf({ description: '`POST` unless said.', values: METHODS, example: 'POST', optional: true })
  method?: string;

  @Text({
    description: '`/v1/chat/completions` unless said.',
    example: '/v1/chat/completions',
    // As much as one parameter of a path may have.
    max: 512,
    pattern: /^\/[!-~]*$/,
    optional: true,
  })
  path?: string;

  @Text({
    description: 'The model that it names.',
    example: 'gpt-4o',
    max: 256,
    optional: true,
  })
  model?: string;

  @TextList({
    description: `What it uses besides the operation that its path says: of ${FEATURES.join(', ')}.`,
    maxItems: FEATURES.length,
    maxLength: 64,
    example: ['streaming', 'function_calling'],
    optional: true,
  })
  features?: string[];

  @Text({
    description: 'The address that it comes from.',
    example: '203.0.113.7',
    max: 64,
    optional: true,
  })
  ip?: string;

  @Text({
    description:
      'The country that it comes from (ISO 3166-1), `XX` for one that nobody knows. Looked up from `ip` unless said.',
    example: 'DE',
    min: 2,
    max: 2,
    pattern: /^[A-Za-z]{2}$/,
    optional: true,
  })
  country?: string;

  @Text({
    description: 'Its `Origin` header; `null`: it has none.',
    example: 'https://app.example.com',
    min: 0,
    max: 2048,
    optional: true,
    nullable: true,
  })
  origin?: string | null;

  @Text({
    description: 'Its `Referer` header; `null`: it has none.',
    example: 'https://app.example.com/chat',
    min: 0,
    max: 8192,
    optional: true,
    nullable: true,
  })
  referrer?: string | null;

  @Text({
    description: 'Its `User-Agent` header; `null`: it has none.',
    example: 'OfficeChat/1.0',
    min: 0,
    max: 1024,
    optional: true,
    nullable: true,
  })
  user_agent?: string | null;

  @ApiPropertyOptional({ type: Boolean, description: 'Whether it comes over HTTPS.' })
  @IsOptional()
  @IsBoolean()
  https?: boolean;

  @Int({
    description: 'Tokens that it sends, as limits count them.',
    min: 0,
    max: MOST_TOKENS,
    example: 1000,
    optional: true,
  })
  input_tokens?: number;

  @Int({
    description: 'Output tokens that it asks for.',
    min: 1,
    max: MOST_TOKENS,
    example: 500,
    optional: true,
  })
  max_tokens?: number;
}
