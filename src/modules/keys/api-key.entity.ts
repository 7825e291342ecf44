import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

import type { Environment } from '#common/auth/principal.js';
import type { AccessLevel, Scope } from '#common/auth/scopes.js';
import { NULLABLE_TIMESTAMP, TIMESTAMP } from '#platform/database/base.columns.js';

import type { PolicyDocument } from './domain/policy/policy-document.js';
import type { PolicySources } from './domain/policy/policy-within.js';
import type { KeyType } from './domain/belonging.js';

@Entity('api_keys')
@Index('api_keys_listing', ['organizationId', 'createdAt', 'id'])
@Index('api_keys_name', ['organizationId', 'name'])
@Index('api_keys_expiry', ['organizationId', 'expiresAt'], { where: 'expires_at IS NOT NULL' })
@Index('api_keys_enabling', ['enableAt'], { where: 'enable_at IS NOT NULL' })
@Index('api_keys_planned_revocation', ['revokedAt'], { where: 'revoked_at > updated_at' })
@Index('api_keys_team', ['organizationId', 'teamId'], { where: 'team_id IS NOT NULL' })
@Index('api_keys_owner', ['organizationId', 'ownerId'], { where: 'owner_id IS NOT NULL' })
@Index('api_keys_service_account', ['organizationId', 'serviceAccountId'], {
  where: 'service_account_id IS NOT NULL',
})
@Index('api_keys_watched', ['organizationId', 'id'], {
  // As PostgreSQL writes it.
  where: `((policy #>> '{security,audit,alert_on_suspicious}'::text[]) = 'true'::text)`,
})
@Index('api_keys_audit_retention', ['organizationId', 'id'], {
  where: `((policy #>> '{security,audit,retention_days}'::text[]) IS NOT NULL)`,
})
@Check('api_keys_type_check', `type IN ('personal', 'team', 'service', 'standard')`)
@Check('api_keys_team_check', `type <> 'team' OR team_id IS NOT NULL`)
@Check(
  'api_keys_service_account_check',
  `service_account_id IS NULL OR type = 'service' AND owner_id IS NULL`,
)
@Check('api_keys_environment_check', `environment IN ('production', 'staging', 'development')`)
export class ApiKeyEntity {
  @PrimaryColumn('text')
  id: string;

  @Column({ name: 'organization_id', type: 'text' })
  @ForeignKey('OrganizationEntity', { name: 'api_keys_organization_fk' })
  organizationId: string;

  @Column('text')
  name: string;

  @Column('text')
  environment: Environment;

  @Column({ type: 'text', default: 'personal' })
  type: KeyType;

  @Column({ name: 'team_id', type: 'text', nullable: true })
  teamId: string | null;

  @Column({ name: 'project_ids', type: 'text', array: true, default: [] })
  projectIds: string[];

  /** The user whose own it is. It dies with their membership. */
  @Column({ name: 'owner_id', type: 'text', nullable: true })
  ownerId: string | null;

  /** Whose it is, where that is no person. It dies with it. */
  @Column({ name: 'service_account_id', type: 'text', nullable: true })
  serviceAccountId: string | null;

  @Column({ name: 'access_level', type: 'text', nullable: true })
  accessLevel: AccessLevel | null;

  @Column({ type: 'text', array: true })
  scopes: Scope[];

  @Column('jsonb')
  policy: PolicyDocument;

  /** Where each field of the policy came from. */
  @Column({ name: 'policy_sources', type: 'jsonb' })
  policySources: PolicySources;

  @Column('jsonb')
  metadata: Record<string, unknown>;

  /** The key that made this one. */
  @Column({ name: 'created_by', type: 'text', nullable: true })
  createdBy: string | null;

  @Column({ name: 'created_at', ...TIMESTAMP, default: () => 'now()' })
  createdAt: Date;

  @Column({ name: 'updated_at', ...TIMESTAMP, default: () => 'now()' })
  updatedAt: Date;

  @Column({ name: 'expires_at', ...NULLABLE_TIMESTAMP })
  expiresAt: Date | null;

  @Column({ name: 'disabled_at', ...NULLABLE_TIMESTAMP })
  disabledAt: Date | null;

  @Column({ name: 'disabled_reason', type: 'text', nullable: true })
  disabledReason: string | null;

  /** From then on it is not disabled any more. */
  @Column({ name: 'enable_at', ...NULLABLE_TIMESTAMP })
  enableAt: Date | null;

  @Column({ name: 'revoked_at', ...NULLABLE_TIMESTAMP })
  revokedAt: Date | null;

  @Column({ name: 'revoked_reason', type: 'text', nullable: true })
  revokedReason: string | null;

  /** Nobody has approved it yet. It is revoked, at `revokedAt`, unless somebody does before. */
  @Column({ name: 'awaits_approval', type: 'boolean', default: false })
  awaitsApproval: boolean;

  /** There where its requests must be signed. */
  @Column({ name: 'sealed_signing_secret', type: 'bytea', nullable: true })
  sealedSigningSecret: Buffer | null;

  /** Grows by one with each change; the `ETag`. */
  @Column({ type: 'integer', default: 1 })
  version: number;
}
