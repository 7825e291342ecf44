import { ApiProperty, ApiPropertyOptional, PickType } from '@nestjs/swagger';

import { type Scope, SCOPES } from '#common/auth/scopes.js';
import { MAX_PAGE_SIZE } from '#common/pagination/cursor.js';
import { PageQuery } from '#common/pagination/page.query.js';
import { Int, TextList } from '#common/validation/fields.js';

import { CreateKeyDto } from '../../dto/create-key.dto.js';
import { NEW_SIGNING_SECRET } from '../../dto/key.responses.js';

const NULLABLE_TIME = { type: String, format: 'date-time', nullable: true } as const;
const ID = { example: 'key_4fTqV0mZx1sLwq8nE2bYcA' } as const;

export class CreateApiKeyDto extends PickType(CreateKeyDto, ['name', 'expires_at']) {
  @TextList({
    description: 'What it may do. Those of the access level `inference` unless said.',
    values: SCOPES,
    minItems: 1,
    maxItems: SCOPES.length,
    example: ['inference'],
    optional: true,
  })
  scopes?: Scope[];
}

export class ListApiKeysQuery extends PickType(PageQuery, ['cursor']) {
  @Int({
    description: `How many keys to answer, ${MAX_PAGE_SIZE} unless said.`,
    min: 1,
    max: MAX_PAGE_SIZE,
    optional: true,
  })
  limit: number = MAX_PAGE_SIZE;
}

class ApiKeyResponse {
  @ApiProperty(ID)
  id: string;

  @ApiProperty({ example: 'production-backend' })
  name: string;

  @ApiProperty({ type: String, format: 'date-time' })
  created_at: string;

  @ApiProperty({ enum: SCOPES, isArray: true })
  scopes: string[];
}

export class CreatedApiKeyResponse extends ApiKeyResponse {
  @ApiProperty({ description: 'It is shown this once and can’t be had again.' })
  secret: string;

  @ApiPropertyOptional(NEW_SIGNING_SECRET)
  signing_secret?: string;

  @ApiProperty({ ...NULLABLE_TIME, description: 'From then on the key is refused.' })
  expires_at: string | null;
}

export class ListedApiKeyResponse extends ApiKeyResponse {
  @ApiProperty({ example: 'pr-live-' })
  prefix: string;

  @ApiProperty({ example: 'a1B2' })
  last_four: string;

  @ApiProperty(NULLABLE_TIME)
  last_used_at: string | null;

  @ApiProperty()
  revoked: boolean;
}

export class ApiKeyListResponse {
  @ApiProperty({ type: [ListedApiKeyResponse] })
  data: ListedApiKeyResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}

export class DeletedApiKeyResponse {
  @ApiProperty({ enum: ['ok'] })
  status: string;

  @ApiProperty(ID)
  id: string;

  @ApiProperty({ example: true })
  revoked: boolean;
}
