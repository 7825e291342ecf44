import { ApiProperty } from '@nestjs/swagger';

import { PROVIDER_KINDS } from './provider.dto.js';

class ProviderTimeoutsResponse {
  @ApiProperty({ example: 5_000 })
  connect_ms: number;

  @ApiProperty({ example: 60_000 })
  first_byte_ms: number;

  @ApiProperty({ example: 60_000 })
  idle_ms: number;

  @ApiProperty({ example: 600_000 })
  total_ms: number;
}

export class ProviderResponse {
  @ApiProperty({ example: 'prov_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: 'openai' })
  name: string;

  @ApiProperty({ enum: PROVIDER_KINDS })
  kind: string;

  @ApiProperty({ example: 'https://api.openai.com/v1' })
  base_url: string;

  @ApiProperty({
    description: 'Whether a credential is stored. The credential itself is never answered.',
  })
  has_api_key: boolean;

  @ApiProperty({ type: ProviderTimeoutsResponse })
  timeouts: ProviderTimeoutsResponse;

  @ApiProperty({ type: String, format: 'date-time' })
  created_at: string;

  @ApiProperty({ example: 1, description: 'Grows by one with each change.' })
  version: number;
}

export class ProviderListResponse {
  @ApiProperty({ type: [ProviderResponse] })
  data: ProviderResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}

export class DeletedProviderResponse {
  @ApiProperty({ example: 'prov_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: true })
  deleted: true;
}
