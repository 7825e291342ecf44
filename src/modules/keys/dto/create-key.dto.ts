import { type Environment, ENVIRONMENTS } from '#common/auth/principal.js';
import { ACCESS_LEVELS, type AccessLevel, type Scope, SCOPES } from '#common/auth/scopes.js';
import { JsonObject, OneOf, Text, TextList, Time } from '#common/validation/fields.js';

import { BelongingDto } from './belonging.dto.js';
import type { JsonSchema } from '../domain/policy/field-kinds.js';
import { KEY_PERMISSIONS_SCHEMA, POLICY_PART_SCHEMAS } from '../domain/policy/policy-schema.js';
import type { POLICY_PARTS } from '../domain/policy/read-policy.js';

export const MAX_NAME_LENGTH = 200;
const MAX_POLICY_BYTES = 64 * 1024;

/** One part of a policy. What may stand in it is read, and refused by name, by `readPolicy`. */
export function PolicyPart(
  part: (typeof POLICY_PARTS)[number],
  description: string,
  schema: JsonSchema = POLICY_PART_SCHEMAS[part],
): PropertyDecorator {
  return JsonObject({
    description,
    // A list of types would be taken for a list's type.
    schema: { ...schema, type: 'object' },
    maxBytes: MAX_POLICY_BYTES,
    optional: true,
  });
}

export class CreateKeyDto extends BelongingDto {
  @Text({
    description: 'What you will know it by. Names may repeat.',
    example: 'backend',
    max: MAX_NAME_LENGTH,
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

  @PolicyPart(
    'permissions',
    'What it may use: models, features, operations, providers. `inherit_from` makes the key from a policy of `/v1/policies`, and `overrides`, with the other parts, says what it has of its own.',
    KEY_PERMISSIONS_SCHEMA,
  )
  permissions?: Record<string, unknown>;

  @PolicyPart('restrictions', 'From where it may be used, in short.')
  restrictions?: Record<string, unknown>;

  @PolicyPart('rate_limits', 'How much it may use: requests, tokens, money, calls at once.')
  rate_limits?: Record<string, unknown>;

  @PolicyPart('security', 'From where, and with what, it may be used.')
  security?: Record<string, unknown>;

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
