import { ApiProperty } from '@nestjs/swagger';

export class CheckpointResponse {
  @ApiProperty({ type: Number, description: 'So many entries the chain had.', example: 1204 })
  size: number;

  @ApiProperty({
    type: String,
    description: 'The hash of the chain up to the last of them, in base64.',
    example: 'qLUZ3vGLvTmcr1ZcSM8Ek4hMzCZ2ZCpBzIpu4gJyjcQ=',
  })
  root_hash: string;

  @ApiProperty({
    type: Boolean,
    description: 'It says that entries up to this one were removed, when their time was over.',
  })
  is_cut: boolean;

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Of a cut: the entries behind this place were removed, up to `size`.',
  })
  removed_after: number | null;

  @ApiProperty({
    type: String,
    description:
      'The checkpoint itself, a signed note of C2SP: keep it where the operator has no say.',
  })
  note: string;

  @ApiProperty({ type: String, format: 'date-time' })
  created_at: string;
}

export class CheckpointListResponse {
  @ApiProperty({
    type: String,
    description: 'What verifies their signatures: an Ed25519 verifier key of a C2SP signed note.',
    example: 'latchkey.audit+1f0c3a7b+AQ3G0Jq7a8nlV3nKb5OS1vYHf6G7CTp1XkVrWm9Ns8Qy',
  })
  public_key: string;

  @ApiProperty({ type: [CheckpointResponse] })
  data: CheckpointResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}

export class NewCheckpointResponse {
  @ApiProperty({ type: String, description: 'What verifies its signature.' })
  public_key: string;

  @ApiProperty({
    type: CheckpointResponse,
    nullable: true,
    description: 'The newest; `null` while the log is empty.',
  })
  checkpoint: CheckpointResponse | null;
}
