import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

export class ClaimedSecretResponse {
  @ApiProperty({ example: 'key_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiPropertyOptional({
    example: 'pr-live-4fTqV0mZx1sLwq8nE2bYcAd7Hk9Rx3Gt',
    description:
      'The new secret, this once. With `Idempotency-Key` the same call gets it again, for 10 minutes.',
  })
  key?: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Until when the old secret is good as well; `null` when it is so no more.',
  })
  old_key_expires_at: string | null;

  @ApiProperty({ type: String, format: 'date-time' })
  claimed_at: string;
}
