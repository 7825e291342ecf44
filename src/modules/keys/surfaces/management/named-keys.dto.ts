import { ApiProperty, ApiPropertyOptional, PickType } from '@nestjs/swagger';
import { IsBoolean, IsOptional } from 'class-validator';

import { PageQuery } from '#common/pagination/page.query.js';
import { Int, Text } from '#common/validation/fields.js';

import { MAX_NAME_LENGTH } from '../../dto/create-key.dto.js';
import { NEW_SIGNING_SECRET } from '../../dto/key.responses.js';

const MAX_LISTED = 1_000;

export class CreateNamedKeyDto {
  @Text({
    description: 'No other key of the organization that is in use may have it.',
    example: 'batch-worker',
    max: MAX_NAME_LENGTH,
  })
  name: string;

  @ApiPropertyOptional({
    type: Boolean,
    default: false,
    description: 'Whether it manages keys, or is for inference.',
  })
  @IsOptional()
  @IsBoolean()
  is_management_key?: boolean;
}

export class DeleteNamedKeyDto {
  @Text({ description: 'Of the key.', example: 'batch-worker', max: MAX_NAME_LENGTH })
  name: string;
}

/** An extension: the clients of this API know no paging, so whatever they can take in comes at once. */
export class ListNamedKeysQuery extends PickType(PageQuery, ['cursor']) {
  @Int({
    description: `How many keys to answer, ${MAX_LISTED} unless said.`,
    min: 1,
    max: MAX_LISTED,
    optional: true,
  })
  limit: number = MAX_LISTED;
}

export class NamedKeyResponse {
  @ApiProperty({ example: 'batch-worker' })
  name: string;

  @ApiProperty({ type: 'integer', description: 'Seconds since the Unix epoch.' })
  created_at: number;

  @ApiProperty({ description: 'Whether it can manage keys: it has the scope `keys:write`.' })
  is_management_key: boolean;
}

export class CreatedNamedKeyResponse extends NamedKeyResponse {
  @ApiProperty({ description: 'The secret. It is shown this once and can’t be had again.' })
  api_key: string;

  @ApiPropertyOptional(NEW_SIGNING_SECRET)
  signing_secret?: string;
}

export class NamedKeyListResponse {
  @ApiProperty({ type: [NamedKeyResponse] })
  api_keys: NamedKeyResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}

export class DeletedNamedKeyResponse {
  @ApiProperty({ example: true })
  success: boolean;

  @ApiProperty({ example: 'batch-worker', description: 'The name of the key.' })
  deleted: string;
}
