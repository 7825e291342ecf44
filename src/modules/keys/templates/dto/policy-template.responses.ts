import { ApiProperty } from '@nestjs/swagger';

import { POLICY_SOURCES } from '../../domain/policy/policy-within.js';

const TIME = { type: String, format: 'date-time' } as const;
const ID = { example: 'pol_4fTqV0mZx1sLwq8nE2bYcA' } as const;
const PART = {
  type: 'object',
  additionalProperties: true,
  nullable: true,
  description: 'As it was given; `null` where nothing was.',
} as const;
const PATHS = {
  type: 'array' as const,
  items: { type: 'string' },
  example: ['permissions.models.allowed'],
};
const POLICY = { type: 'object', additionalProperties: true } as const;

class PolicyContentResponse {
  @ApiProperty({ example: 'team_default' })
  name: string;

  @ApiProperty({ type: String, nullable: true })
  description: string | null;

  @ApiProperty({
    ...ID,
    type: String,
    nullable: true,
    description: 'The id of the policy that it is built upon.',
  })
  inherit_from: string | null;

  @ApiProperty(PART)
  permissions: Record<string, unknown> | null;

  @ApiProperty(PART)
  restrictions: Record<string, unknown> | null;

  @ApiProperty(PART)
  rate_limits: Record<string, unknown> | null;

  @ApiProperty(PART)
  security: Record<string, unknown> | null;

  @ApiProperty({ example: 1, description: 'Grows by one with each change.' })
  version: number;
}

export class PolicyResponse extends PolicyContentResponse {
  @ApiProperty(ID)
  id: string;

  @ApiProperty({ description: 'The key that made it.', example: 'key_0000000000000000000001' })
  created_by: string;

  @ApiProperty(TIME)
  created_at: string;

  @ApiProperty(TIME)
  updated_at: string;
}

export class ChangedPolicyResponse extends PolicyResponse {
  @ApiProperty({ example: 12, description: 'How many keys have another policy by the change.' })
  changed_keys: number;
}

export class PolicyListResponse {
  @ApiProperty({ type: [PolicyResponse] })
  data: PolicyResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}

export class PolicyVersionResponse extends PolicyContentResponse {
  @ApiProperty({ description: 'The key that the change was made with.' })
  changed_by: string;

  @ApiProperty(TIME)
  changed_at: string;
}

export class PolicyVersionListResponse {
  @ApiProperty({ type: [PolicyVersionResponse] })
  data: PolicyVersionResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}

export class EffectivePolicyResponse {
  @ApiProperty(ID)
  id: string;

  @ApiProperty({ example: 1 })
  version: number;

  @ApiProperty({
    ...POLICY,
    description: 'What it and all that it is built upon allow together, in the canonical spelling.',
  })
  policy: Record<string, unknown>;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'array', items: { type: 'string', enum: [...POLICY_SOURCES] } },
    description: 'By field: `template`, one of them says it; `default`, none does.',
  })
  sources: Record<string, string[]>;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    description:
      'By field that one of them says something of: the id of that which has the last word.',
  })
  set_by: Record<string, string>;
}

export class DeletedPolicyResponse {
  @ApiProperty(ID)
  id: string;

  @ApiProperty({ example: true })
  deleted: boolean;
}

export class InheritingKeyResponse {
  @ApiProperty({ example: 'key_4fTqV0mZx1sLwq8nE2bYcA' })
  key_id: string;

  @ApiProperty({ example: 'backend' })
  name: string;

  @ApiProperty({ ...ID, description: 'Which policy it names itself.' })
  inherit_from: string;

  @ApiProperty({ ...POLICY, description: 'What it says itself.' })
  overrides: Record<string, unknown>;
}

export class InheritingKeyListResponse {
  @ApiProperty({ type: [InheritingKeyResponse] })
  data: InheritingKeyResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}

export class KeyImpactResponse {
  @ApiProperty({ example: 'key_4fTqV0mZx1sLwq8nE2bYcA' })
  key_id: string;

  @ApiProperty({ example: 'backend' })
  name: string;

  @ApiProperty({ ...PATHS, description: 'Fields in which it would be allowed more.' })
  wider: string[];

  @ApiProperty({ ...PATHS, description: 'Fields in which it would be allowed less.' })
  narrower: string[];

  @ApiProperty({ ...PATHS, description: 'Fields that would be other, neither more nor less.' })
  different: string[];
}

export class KeyImpactListResponse {
  @ApiProperty({ type: [KeyImpactResponse] })
  data: KeyImpactResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}
