import { ApiProperty } from '@nestjs/swagger';

import { LEAK_OUTCOMES } from '#modules/keys/index.js';

export class GithubFeedback {
  @ApiProperty({ description: 'SHA-256 of the token, in hex.' })
  token_hash: string;

  @ApiProperty({ example: 'latchkey_api_key' })
  token_type: string;

  @ApiProperty({
    enum: ['true_positive', 'false_positive'],
    description: 'Whether it is, or was, a key of this installation.',
  })
  label: 'true_positive' | 'false_positive';
}

class LeakResult {
  @ApiProperty({
    enum: LEAK_OUTCOMES,
    description:
      '`already_inactive`: it could not be used any more. `unknown`: it is no key of this installation.',
  })
  outcome: string;
}

export class LeakReportResponse {
  @ApiProperty({ type: [LeakResult], description: 'What was done, in the order of the report.' })
  leaks: LeakResult[];
}
