import { ApiProperty } from '@nestjs/swagger';

import { PROPAGATION, PropagationResponse } from '../../dto/key.responses.js';
import {
  ROTATION_STATES,
  RotationSecretResponse,
  type RotationState,
} from './rotation-secret.response.js';

export class RotatedKeyResponse {
  @ApiProperty({ example: 'key_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({
    example: 'pr-live-EXAMPLEonlyEXAMPLEonlyEXAMPLEonl',
    description: 'The new secret. It is shown this once and can’t be had again.',
  })
  key: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'From then on the old secrets are refused.',
  })
  old_key_expires_at: string;

  @ApiProperty(PROPAGATION)
  propagation?: PropagationResponse | null;
}

export class SecretsResponse {
  @ApiProperty({ example: 'key_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ enum: ROTATION_STATES })
  state: RotationState;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'When the last of the old secrets ends; `null` where there are none.',
  })
  old_key_expires_at: string | null;

  @ApiProperty({
    type: [RotationSecretResponse],
    description: 'Those that are good, and the one that ended last; the newest first.',
  })
  secrets: RotationSecretResponse[];
}

export class KeySecretsResponse extends SecretsResponse {
  @ApiProperty(PROPAGATION)
  propagation?: PropagationResponse | null;
}
