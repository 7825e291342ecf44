import {
  Check,
  Column,
  type ColumnOptions,
  Entity,
  ForeignKey,
  Index,
  PrimaryColumn,
} from 'typeorm';

import { TIMESTAMP } from '#platform/database/base.columns.js';

/** PostgreSQL's `bigint` comes as text, because a JavaScript number can't hold it. */
const NANOS: ColumnOptions = {
  type: 'bigint',
  transformer: {
    to: (nanos: bigint | null | undefined) => nanos?.toString() ?? nanos,
    from: (text: string | null) => (text === null ? null : BigInt(text)),
  },
};

/** One place where a model is to be had, and for how much. */
@Entity('routes')
@Index('routes_model', ['organizationId', 'model'])
@Index('routes_listing', ['organizationId', 'createdAt', 'id'])
@Index('routes_endpoint', ['providerId', 'model', 'upstreamModel'], { unique: true })
@Check(
  'routes_price_check',
  `input_nanos_per_million >= 0 AND output_nanos_per_million >= 0
    AND coalesce(cached_input_nanos_per_million, 0) >= 0`,
)
@Check(
  'routes_facts_check',
  'coalesce(context_length, 1) > 0 AND coalesce(max_output_tokens, 1) > 0 AND weight > 0',
)
export class RouteEntity {
  @PrimaryColumn('text')
  id: string;

  @Column({ name: 'organization_id', type: 'text' })
  @ForeignKey('OrganizationEntity', { name: 'routes_organization_fk' })
  organizationId: string;

  /** As callers name it. */
  @Column('text')
  model: string;

  @Column({ name: 'provider_id', type: 'text' })
  @ForeignKey('ProviderEntity', { name: 'routes_provider_fk' })
  providerId: string;

  /** As the provider names it. */
  @Column({ name: 'upstream_model', type: 'text' })
  upstreamModel: string;

  @Column({ name: 'input_nanos_per_million', ...NANOS })
  inputNanosPerMillion: bigint;

  @Column({ name: 'output_nanos_per_million', ...NANOS })
  outputNanosPerMillion: bigint;

  @Column({ name: 'cached_input_nanos_per_million', ...NANOS, nullable: true })
  cachedInputNanosPerMillion: bigint | null;

  @Column({ name: 'context_length', type: 'integer', nullable: true })
  contextLength: number | null;

  @Column({ name: 'max_output_tokens', type: 'integer', nullable: true })
  maxOutputTokens: number | null;

  /** Lower is tried first. */
  @Column({ type: 'integer', default: 0 })
  priority: number;

  @Column({ type: 'integer', default: 1 })
  weight: number;

  @Column({ name: 'created_at', ...TIMESTAMP, default: () => 'now()' })
  createdAt: Date;

  @Column({ name: 'updated_at', ...TIMESTAMP, default: () => 'now()' })
  updatedAt: Date;

  /** Grows by one with each change. */
  @Column({ type: 'integer', default: 1 })
  version: number;
}
