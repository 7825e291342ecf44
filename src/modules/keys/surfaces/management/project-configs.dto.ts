import { ApiProperty } from '@nestjs/swagger';

import { Flag, OneOf, Text, TextList } from '#common/validation/fields.js';
import { PREFERENCES } from '#modules/organizations/index.js';

const MAX_PROVIDERS = 100;
const MAX_PROVIDER_NAME = 128;
const IGNORED = 'Taken, and not looked at: clients of this API send back what they have read.';

export class ChangeProjectConfigDto {
  @OneOf({
    description:
      'What decides among the providers of a model: `cost`, the lowest price; `speed`, the shortest time to the first byte of late; `balanced`, the priority and weight of routes.',
    values: PREFERENCES,
    optional: true,
  })
  preference?: (typeof PREFERENCES)[number] | null;

  @TextList({
    description: 'Names of the only providers that calls go to. Empty or `null`: any.',
    example: ['openai'],
    maxItems: MAX_PROVIDERS,
    maxLength: MAX_PROVIDER_NAME,
    optional: true,
    nullable: true,
  })
  allowed_providers?: string[] | null;

  @Flag({
    description:
      'Whether a request’s own `preference` and `allowed_providers` count instead of these settings. `false`: these are enforced, and only administrators change them.',
    optional: true,
    nullable: true,
  })
  allow_overwrite?: boolean | null;

  @Flag({
    description: 'Only `false`: no call is moved to another model. `true` is refused.',
    optional: true,
  })
  enable_model_fallback?: boolean | null;

  @Flag({
    description: 'Only `true`: what providers quantize is not known. `false` is refused.',
    optional: true,
  })
  allow_quantization?: boolean | null;

  @Flag({
    description: 'Only `false`: where providers compute is not known. `true` is refused.',
    optional: true,
  })
  eu_native?: boolean | null;

  @Text({ description: IGNORED, example: '2026-11-27T09:00:00.000Z', max: 64, optional: true })
  created_at?: string | null;

  @Text({ description: IGNORED, example: '2026-11-27T09:00:00.000Z', max: 64, optional: true })
  updated_at?: string | null;
}

export class ProjectConfigResponse {
  @ApiProperty({ description: 'The same as `project_id`: a project has one configuration.' })
  _id: string;

  @ApiProperty({
    description: 'The first project of the calling key; the organization where it is of none.',
    example: 'project_4fTqV0mZx1sLwq8nE2bYcA',
  })
  project_id: string;

  @ApiProperty({ enum: PREFERENCES })
  preference: string;

  @ApiProperty({ type: [String], description: 'Empty: any.' })
  allowed_providers: string[];

  @ApiProperty()
  allow_overwrite: boolean;

  @ApiProperty({ example: false })
  enable_model_fallback: boolean;

  @ApiProperty({ example: true })
  allow_quantization: boolean;

  @ApiProperty({ example: false })
  eu_native: boolean;

  @ApiProperty({ type: String, format: 'date-time' })
  created_at: string;

  @ApiProperty({ type: String, format: 'date-time' })
  updated_at: string;
}

export class ChangedProjectConfigResponse {
  @ApiProperty({ example: true })
  success: boolean;
}
