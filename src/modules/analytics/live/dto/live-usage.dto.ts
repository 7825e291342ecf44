import { ApiProperty } from '@nestjs/swagger';

import { Text } from '#common/validation/fields.js';

export class StreamQuery {
  @Text({
    description: 'The `id` of the last message: the stream goes on behind it.',
    max: 5_000,
    optional: true,
  })
  last_event_id?: string;

  /** Read by who lets the caller in. */
  @Text({ description: 'Instead of an Authorization header.', max: 200, optional: true })
  ticket?: string;
}

export class UsageTicketResponse {
  @ApiProperty({
    description: 'Opens `WS /v1/keys/{id}/usage/stream?ticket=…` of this very key, once.',
    pattern: '^lkt_[0-9A-Za-z]{43}$',
  })
  ticket!: string;

  @ApiProperty({ format: 'date-time', description: 'In 60 seconds.' })
  expires_at!: string;
}
