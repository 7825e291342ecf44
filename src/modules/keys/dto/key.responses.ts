import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

import { ENVIRONMENTS } from '#common/auth/principal.js';
import { ACCESS_LEVELS, SCOPES } from '#common/auth/scopes.js';

import { KEY_MEMBER_ROLES, KEY_TYPES, SUSPENDERS } from '../domain/belonging.js';
import { POLICY_SOURCES } from '../domain/policy/policy-within.js';

const TIME = { type: String, format: 'date-time' } as const;
const NULLABLE_TIME = { ...TIME, nullable: true } as const;
export const KEY_STATUSES = [
  'pending_approval',
  'active',
  'disabled',
  'expired',
  'revoked',
] as const;

const POLICY = {
  type: 'object',
  additionalProperties: true,
  description:
    'The effective policy in its canonical spelling, every field included; a list or a number that is `null` restricts nothing. Money is in USD. It can be sent back as it is.',
} as const;

export class KeyPolicyResponse {
  @ApiProperty({ example: 'key_4fTqV0mZx1sLwq8nE2bYcA' })
  key_id: string;

  @ApiProperty({ example: 1, description: 'Of the key; grows by one with each change.' })
  version: number;

  @ApiProperty({ type: String, nullable: true, description: 'The key that made it.' })
  created_by: string | null;

  @ApiProperty(POLICY)
  policy: Record<string, unknown>;

  @ApiProperty({
    type: 'object',
    additionalProperties: {
      type: 'array',
      items: { type: 'string', enum: [...POLICY_SOURCES] },
    },
    description:
      'By field: `key`, it was asked for when the key was made; `template`, the policy that it inherits from says it; `environment`, it is the default of its environment; `creator`, it is that of the key that made it; several, where they add up; `default`, nobody restricted it.',
  })
  sources: Record<string, string[]>;

  @ApiProperty({
    type: String,
    nullable: true,
    example: null,
    description: 'The id of the policy that it is made from (`/v1/policies`).',
  })
  inherit_from: string | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description: 'What it says itself, where it is made from a policy.',
  })
  overrides: Record<string, unknown> | null;
}

export class PropagationResponse {
  @ApiProperty({ example: 2, description: 'Processes that were running.' })
  instances: number;

  @ApiProperty({
    example: 2,
    description: 'How many of them have dropped what they knew of the key.',
  })
  acknowledged: number;

  @ApiProperty({
    type: Number,
    nullable: true,
    example: 12,
    description:
      'Milliseconds from the change until the last of them had; `null` when not all have within the time.',
  })
  at_ms: number | null;
}

/** Of an answer to a change. */
export const PROPAGATION = {
  type: PropagationResponse,
  required: false,
  nullable: true,
  description:
    'How far the change has got, where `Prefer: wait=<seconds>` asked for it; `null` when nothing can be said of that.',
} as const;

export class KeyScopeResponse {
  @ApiProperty({ example: 'org_4fTqV0mZx1sLwq8nE2bYcA' })
  organization_id: string;

  @ApiProperty({ type: String, nullable: true, example: 'team_4fTqV0mZx1sLwq8nE2bYcA' })
  team_id: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'sa_4fTqV0mZx1sLwq8nE2bYcA' })
  service_account_id: string | null;

  @ApiProperty({ type: [String] })
  projects: string[];
}

export class KeyMemberResponse {
  @ApiProperty({ example: 'user_4fTqV0mZx1sLwq8nE2bYcA' })
  user_id: string;

  @ApiProperty({ enum: KEY_MEMBER_ROLES })
  role: string;

  @ApiProperty()
  can_manage_key: boolean;
}

export class KeyResponse {
  @ApiProperty({
    example: 'key_4fTqV0mZx1sLwq8nE2bYcA',
    description: 'Stays when the secret is rotated.',
  })
  id: string;

  @ApiProperty({ example: 'backend' })
  name: string;

  @ApiProperty({ example: 'pr-live-' })
  prefix: string;

  @ApiProperty({ example: 'a1B2' })
  last_four: string;

  @ApiProperty({ enum: KEY_TYPES, example: 'personal' })
  type: string;

  @ApiProperty({ description: 'What it belongs to.' })
  scope: KeyScopeResponse;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Whose own it is, of those of type `personal`; `null`: nobody’s.',
  })
  owner_id: string | null;

  @ApiProperty({
    type: [KeyMemberResponse],
    description: 'Who sees it, whatever team they are in.',
  })
  members: KeyMemberResponse[];

  @ApiProperty({
    type: String,
    enum: SUSPENDERS,
    nullable: true,
    description:
      'What of that which it belongs to is suspended: until that is over, it is refused.',
  })
  suspended_by: string | null;

  @ApiProperty({ enum: ENVIRONMENTS })
  environment: string;

  @ApiProperty({
    type: String,
    enum: ACCESS_LEVELS,
    nullable: true,
    description: '`null`: made with `scopes`.',
  })
  access_level: string | null;

  @ApiProperty({ enum: SCOPES, isArray: true })
  scopes: string[];

  @ApiProperty({
    enum: SCOPES,
    isArray: true,
    description:
      'Those of its scopes that are in force: a key of somebody’s own has none that its owner may not give a key now.',
  })
  effective_scopes: string[];

  @ApiProperty({ enum: KEY_STATUSES })
  status: string;

  @ApiProperty(POLICY)
  policy: Record<string, unknown>;

  @ApiProperty({ type: 'object', additionalProperties: true })
  metadata: Record<string, unknown>;

  @ApiProperty(TIME)
  created_at: string;

  @ApiProperty({ type: String, nullable: true, description: 'Why it was disabled last.' })
  disabled_reason: string | null;

  @ApiProperty({ ...NULLABLE_TIME, description: 'From then on it is not disabled any more.' })
  auto_enable_at: string | null;

  @ApiProperty({ ...NULLABLE_TIME, description: 'May be yet to come.' })
  revoked_at: string | null;

  @ApiProperty({ type: String, nullable: true })
  revoked_reason: string | null;

  @ApiProperty(NULLABLE_TIME)
  expires_at: string | null;

  @ApiProperty(NULLABLE_TIME)
  last_used_at: string | null;

  @ApiProperty({ example: 1, description: 'Grows by one with each change.' })
  version: number;

  @ApiProperty(PROPAGATION)
  propagation?: PropagationResponse | null;
}

const SIGNING_SECRET = {
  example: 'lsig_EXAMPLE',
  description:
    'What requests are signed with (docs/signing.md). It is shown this once and can’t be had again.',
} as const;

/** Of a key that was just made. */
export const NEW_SIGNING_SECRET = {
  ...SIGNING_SECRET,
  description: `There where requests must be signed. ${SIGNING_SECRET.description}`,
} as const;

/** As it is after a change. */
export class ChangedKeyResponse extends KeyResponse {
  @ApiPropertyOptional({
    ...SIGNING_SECRET,
    description: `There when the change has turned signing on. ${SIGNING_SECRET.description}`,
  })
  signing_secret?: string;
}

export class SigningSecretResponse {
  @ApiProperty({ example: 'key_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty(SIGNING_SECRET)
  signing_secret: string;

  @ApiProperty({ example: 2, description: 'Of the key.' })
  version: number;
}

export class CreatedKeyResponse extends KeyResponse {
  @ApiProperty({
    example: 'pr-live-EXAMPLEonlyEXAMPLEonlyEXAMPLEonl',
    description: 'The secret. It is shown this once and can’t be had again.',
  })
  key: string;

  @ApiPropertyOptional(NEW_SIGNING_SECRET)
  signing_secret?: string;
}

export class KeyListResponse {
  @ApiProperty({ type: [KeyResponse] })
  data: KeyResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}

export class RevokedKeyResponse {
  @ApiProperty({ example: 'key_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({
    enum: KEY_STATUSES,
    description: 'As it is now: `revoked` unless a later time was asked for.',
  })
  status: string;

  @ApiProperty({ example: true })
  revoked: boolean;

  @ApiProperty(NULLABLE_TIME)
  revoked_at: string | null;

  @ApiProperty(PROPAGATION)
  propagation?: PropagationResponse | null;
}

class KeyUsageResponse {
  @ApiProperty({ example: 42 })
  requests: number;

  @ApiProperty({ example: 12_345 })
  input_tokens: number;

  @ApiProperty({ example: 6_789 })
  output_tokens: number;

  @ApiProperty({ example: 0.0987, description: 'USD, up to nine places.' })
  cost: number;
}

export class CallingKeyResponse extends KeyResponse {
  @ApiProperty({ example: 'org_4fTqV0mZx1sLwq8nE2bYcA' })
  organization_id: string;

  @ApiProperty({ type: KeyUsageResponse, description: 'Since the key was made.' })
  usage: KeyUsageResponse;
}
