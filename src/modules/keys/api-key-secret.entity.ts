import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

import { NULLABLE_TIMESTAMP, TIMESTAMP } from '#platform/database/base.columns.js';

/** One secret of a key. A key has several while it is being rotated; exactly one of them, its current one, has no end. */
@Entity('api_key_secrets')
@Index('api_key_secrets_current', ['keyId'], { unique: true, where: 'expires_at IS NULL' })
export class ApiKeySecretEntity {
  @PrimaryColumn('text')
  id: string;

  @Column({ name: 'key_id', type: 'text' })
  @Index('api_key_secrets_key_id')
  @ForeignKey('ApiKeyEntity', { name: 'api_key_secrets_key_fk' })
  keyId: string;

  @Column('bytea')
  @Index('api_key_secrets_digest', { unique: true })
  digest: Buffer;

  /** How the digest was made: `hmac-sha256:<pepper id>`, or `sha256` until it is used first. */
  @Column('text')
  scheme: string;

  @Column('text')
  prefix: string;

  @Column({ name: 'last_four', type: 'text' })
  lastFour: string;

  @Column({ name: 'created_at', ...TIMESTAMP, default: () => 'now()' })
  createdAt: Date;

  @Column({ name: 'expires_at', ...NULLABLE_TIMESTAMP })
  expiresAt: Date | null;

  /** When another took its place; `null` while it is the current one. */
  @Column({ name: 'retired_at', ...NULLABLE_TIMESTAMP })
  retiredAt: Date | null;

  /** The secret itself, while it waits to be claimed. */
  @Column({ type: 'bytea', nullable: true })
  sealed: Buffer | null;

  /** When one that waited was handed out. */
  @Column({ name: 'claimed_at', ...NULLABLE_TIMESTAMP })
  claimedAt: Date | null;

  @Column({ name: 'last_used_at', ...NULLABLE_TIMESTAMP })
  lastUsedAt: Date | null;

  @Column({ name: 'last_used_address', type: 'text', nullable: true })
  lastUsedAddress: string | null;

  @Column({ name: 'last_used_agent', type: 'text', nullable: true })
  lastUsedAgent: string | null;
}

/** What a new secret's row begins with besides. */
export const UNUSED = {
  retiredAt: null,
  sealed: null,
  claimedAt: null,
  lastUsedAt: null,
  lastUsedAddress: null,
  lastUsedAgent: null,
} satisfies Partial<ApiKeySecretEntity>;
