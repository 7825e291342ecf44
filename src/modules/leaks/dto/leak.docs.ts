import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

import { MAX_LEAKS } from '../domain/leak-bodies.js';

/** The bodies as the OpenAPI document shows them. They are read by `domain/leak-bodies.ts`, once they are verified. */
export class GithubAlertDoc {
  @ApiProperty({ description: 'What was found.' })
  token: string;

  @ApiPropertyOptional({ example: 'latchkey_api_key' })
  type?: string;

  @ApiPropertyOptional({ description: 'Where; may be empty.' })
  url?: string;

  @ApiPropertyOptional({ example: 'commit' })
  source?: string;
}

class LeakDoc {
  @ApiProperty({ description: 'What was found; it need not be a key.' })
  key: string;

  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 2_048, description: 'Where.' })
  url?: string | null;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    maxLength: 100,
    description: 'Who found it.',
    example: 'gitleaks',
  })
  source?: string | null;
}

export class LeakReportDoc {
  @ApiProperty({ type: [LeakDoc], maxItems: MAX_LEAKS })
  leaks: LeakDoc[];
}

/** Without a valid checksum, so that no scanner takes it for real. */
const KEY = 'pr-live-EXAMPLEonlyEXAMPLEonlyEXAMPLEonl';
const URL = 'https://github.com/octocat/hello-world/blob/main/.env';

export const GITHUB_REPORT_EXAMPLE = [
  { token: KEY, type: 'latchkey_api_key', url: URL, source: 'content' },
];
export const GITHUB_FEEDBACK_EXAMPLE = [
  {
    token_hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    token_type: 'latchkey_api_key',
    label: 'true_positive',
  },
];
export const LEAK_REPORT_EXAMPLE = { leaks: [{ key: KEY, url: URL, source: 'gitleaks' }] };
