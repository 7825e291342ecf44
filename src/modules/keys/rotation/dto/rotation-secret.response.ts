import { ApiProperty } from '@nestjs/swagger';

const TIME = { type: String, format: 'date-time' } as const;
const NULLABLE_TIME = { ...TIME, nullable: true } as const;

export const ROTATION_STATES = ['idle', 'overlapping', 'waiting_for_claim'] as const;
export type RotationState = (typeof ROTATION_STATES)[number];

const SECRET_STATES = ['current', 'waiting', 'retiring', 'ended'] as const;

/** One secret of a key, without the secret itself. */
export class RotationSecretResponse {
  @ApiProperty({ example: 'sec_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: 'pr-live-' })
  prefix: string;

  @ApiProperty({ example: 'a1B2' })
  last_four: string;

  @ApiProperty({
    enum: SECRET_STATES,
    description:
      '`current`: the one to use; `waiting`: it will be that, and waits to be claimed; `retiring`: replaced, and good until it expires; `ended`: refused.',
  })
  state: (typeof SECRET_STATES)[number];

  @ApiProperty(TIME)
  created_at: string;

  @ApiProperty(NULLABLE_TIME)
  expires_at: string | null;

  @ApiProperty({ ...NULLABLE_TIME, description: 'When one that waited was handed out.' })
  claimed_at: string | null;

  @ApiProperty({ ...NULLABLE_TIME, description: 'Up to a minute late.' })
  last_used_at: string | null;

  @ApiProperty({ type: String, nullable: true, example: '192.0.2.7' })
  last_used_address: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    example: 'OpenAI/Python 2.8.1',
    description: 'Its `User-Agent`, at most 256 characters.',
  })
  last_used_agent: string | null;
}
