import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

import { TIMESTAMP } from '#platform/database/base.columns.js';

import type { ProviderTimeouts } from './domain/timeouts.js';
import type { ProviderKind } from './dto/provider.dto.js';

/** Where models are to be had, and with which credential. */
@Entity('providers')
@Index('providers_name', ['organizationId', 'name'], { unique: true })
@Index('providers_listing', ['organizationId', 'createdAt', 'id'])
@Check('providers_credential_check', '(credential_origin IS NULL) = (sealed_credential IS NULL)')
export class ProviderEntity {
  @PrimaryColumn('text')
  id: string;

  @Column({ name: 'organization_id', type: 'text' })
  @ForeignKey('OrganizationEntity', { name: 'providers_organization_fk' })
  organizationId: string;

  @Column('text')
  name: string;

  @Column('text')
  kind: ProviderKind;

  @Column({ name: 'base_url', type: 'text' })
  baseUrl: string;

  /** The only origin that the credential is sent to. */
  @Column({ name: 'credential_origin', type: 'text', nullable: true })
  credentialOrigin: string | null;

  @Column({ name: 'sealed_credential', type: 'bytea', nullable: true })
  sealedCredential: Buffer | null;

  @Column('jsonb')
  timeouts: ProviderTimeouts;

  @Column({ name: 'created_at', ...TIMESTAMP, default: () => 'now()' })
  createdAt: Date;

  @Column({ name: 'updated_at', ...TIMESTAMP, default: () => 'now()' })
  updatedAt: Date;

  /** Grows by one with each change. */
  @Column({ type: 'integer', default: 1 })
  version: number;
}
