import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, Length } from 'class-validator';

import { INVALID_REASONS } from '../domain/chain-verifier.js';
import { AskedLogQuery } from './asked-log.js';
import { CheckpointResponse } from './checkpoint.responses.js';

/** Of some 30 checkpoints; of the newest one alone it is enough to know. */
const MAX_CHECKPOINTS = 8_192;
/** Of some 1,000: a day has 1,440 at most. */
const MAX_CHECKPOINTS_OF_BODY = 262_144;
const DESCRIPTION =
  'Checkpoints of this log that were kept elsewhere, one after the other: only they tell of an end that was cut off together with its checkpoints.';

export class VerifyAuditLogDto {
  @ApiProperty({
    minLength: 1,
    maxLength: MAX_CHECKPOINTS_OF_BODY,
    description: DESCRIPTION,
  })
  @IsString()
  @Length(1, MAX_CHECKPOINTS_OF_BODY)
  checkpoints: string;
}

export class VerifyAuditLogQuery extends AskedLogQuery {
  // The one text of this API that has lines.
  @ApiPropertyOptional({
    type: String,
    minLength: 1,
    maxLength: MAX_CHECKPOINTS,
    description: DESCRIPTION,
  })
  @IsOptional()
  @IsString()
  @Length(1, MAX_CHECKPOINTS)
  checkpoints?: string;
}

export class FirstInvalidResponse {
  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Where in the chain; `null` for an entry that is not sealed yet.',
  })
  sequence: number | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Of the entry; `null` where one is missing, and for a checkpoint.',
  })
  id: string | null;

  @ApiProperty({ enum: INVALID_REASONS })
  reason: string;
}

export class VerificationResponse {
  @ApiProperty()
  valid: boolean;

  @ApiProperty({ type: Number, description: 'Sealed entries that were found to be as written.' })
  entries: number;

  @ApiProperty({ type: Number, description: 'Entries that wait to be sealed.' })
  unsealed: number;

  @ApiProperty({
    type: FirstInvalidResponse,
    nullable: true,
    description: 'The first place that is not as it was written.',
  })
  first_invalid: FirstInvalidResponse | null;

  @ApiProperty({ type: CheckpointResponse, nullable: true, description: 'The newest one.' })
  checkpoint: CheckpointResponse | null;
}
