import { ApiExtraModels, ApiPropertyOptional } from '@nestjs/swagger';
import { plainToInstance, Transform, Type } from 'class-transformer';
import { IsOptional, ValidateNested } from 'class-validator';

import { type Environment, ENVIRONMENTS } from '#common/auth/principal.js';
import { ACCESS_LEVELS, type AccessLevel, type Scope, SCOPES } from '#common/auth/scopes.js';
import { JsonObject, OneOf, Text, TextList, Time } from '#common/validation/fields.js';

const MAX_MODEL_PATTERNS = 500;
/** A name with at most four stars: enough for any family of models, and cheap to match. */
const MODEL_PATTERN = /^[^*\s]*(\*[^*\s]*){0,4}$/;

export class ModelPermissionsDto {
  @TextList({
    description:
      'The only models that may be used; `*` stands for any text. Absent: the creator’s.',
    example: ['gpt-4o-mini', 'claude-*'],
    minItems: 1,
    maxItems: MAX_MODEL_PATTERNS,
    pattern: MODEL_PATTERN,
    optional: true,
  })
  allowed?: string[];

  @TextList({
    description: 'Models that may not be used, whatever is allowed.',
    example: ['gpt-4o-audio-*'],
    maxItems: MAX_MODEL_PATTERNS,
    pattern: MODEL_PATTERN,
    optional: true,
  })
  denied?: string[];
}

@ApiExtraModels(ModelPermissionsDto)
export class KeyPermissionsDto {
  @ApiPropertyOptional({
    // Said here, or the class of the property below would be asked of a list too.
    type: Array,
    description: 'A list of allowed models, or `allowed` and `denied` apart. Denying wins.',
    oneOf: [
      { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: MAX_MODEL_PATTERNS },
      { $ref: '#/components/schemas/ModelPermissionsDto' },
    ],
    example: ['gpt-4o-mini'],
  })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) =>
    plainToInstance(ModelPermissionsDto, Array.isArray(value) ? { allowed: value } : value),
  )
  @ValidateNested()
  models?: ModelPermissionsDto;
}

export class CreateKeyDto {
  @Text({
    description: 'What you will know it by. Names may repeat.',
    example: 'backend',
    max: 200,
  })
  name: string;

  @OneOf({
    description: '`production` makes a live key, the others test keys, which the sandbox answers.',
    values: ENVIRONMENTS,
    example: 'production',
    optional: true,
  })
  environment: Environment = 'production';

  @OneOf({
    description: 'A bundle of scopes. `inference` unless `scopes` are given.',
    values: ACCESS_LEVELS,
    example: 'inference',
    optional: true,
  })
  access_level?: AccessLevel;

  @TextList({
    description: 'Exact scopes instead of an access level.',
    values: SCOPES,
    minItems: 1,
    maxItems: SCOPES.length,
    example: ['inference', 'models:read'],
    optional: true,
  })
  scopes?: Scope[];

  @ApiPropertyOptional({ type: KeyPermissionsDto })
  @IsOptional()
  @Type(() => KeyPermissionsDto)
  @ValidateNested()
  permissions?: KeyPermissionsDto;

  @Time({
    description: 'From then on the key is refused.',
    example: '2027-12-31T23:59:59Z',
    optional: true,
  })
  expires_at?: Date;

  @JsonObject({
    description: 'Anything of yours, kept and answered.',
    example: { team: 'backend' },
    maxBytes: 8192,
    optional: true,
  })
  metadata?: Record<string, unknown>;
}

export class RevokeKeyDto {
  @Text({
    description: 'Why; kept with the key.',
    example: 'leaked in a log',
    max: 500,
    optional: true,
  })
  reason?: string;
}
