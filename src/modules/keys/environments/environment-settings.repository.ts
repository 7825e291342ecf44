import { Injectable } from '@nestjs/common';

import { type Environment, ENVIRONMENTS } from '#common/auth/principal.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { EnvironmentSettings } from './environment-settings.js';

/** Any fixed number: the class of the locks on organizations' environments among PostgreSQL's two-part advisory locks. */
const LOCK_CLASS = 7_203_014;

const COLUMNS = `organization_id AS "organizationId", environment, defaults, version, updated_by AS "updatedBy",
  updated_at AS "updatedAt"`;

@Injectable()
export class EnvironmentSettingsRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** Waits until nobody else changes the organization's environments, and holds them for this transaction. */
  async holdForChange(organizationId: string): Promise<void> {
    await this.transactions.sql('SELECT pg_advisory_xact_lock($1, hashtext($2))', [
      LOCK_CLASS,
      organizationId,
    ]);
  }

  async find(organizationId: string, environment: Environment): Promise<EnvironmentSettings> {
    const [row] = await this.transactions.sql<EnvironmentSettings>(
      `SELECT ${COLUMNS} FROM environment_settings WHERE organization_id = $1 AND environment = $2`,
      [organizationId, environment],
    );
    return row ?? unset(organizationId, environment);
  }

  /** All there are, in the order of {@link ENVIRONMENTS}. */
  async list(organizationId: string): Promise<EnvironmentSettings[]> {
    const rows = await this.transactions.sql<EnvironmentSettings>(
      `SELECT ${COLUMNS} FROM environment_settings WHERE organization_id = $1`,
      [organizationId],
    );
    const byName = new Map(rows.map((row) => [row.environment, row]));
    return ENVIRONMENTS.map((name) => byName.get(name) ?? unset(organizationId, name));
  }

  async put(settings: EnvironmentSettings): Promise<void> {
    const { organizationId, environment, defaults, version, updatedBy, updatedAt } = settings;
    await this.transactions.sql(
      `INSERT INTO environment_settings
         (organization_id, environment, defaults, rules, version, updated_by, updated_at)
       VALUES ($1, $2, $3, '{}', $4, $5, $6)
       ON CONFLICT (organization_id, environment) DO UPDATE SET defaults = EXCLUDED.defaults,
         version = EXCLUDED.version, updated_by = EXCLUDED.updated_by, updated_at = EXCLUDED.updated_at`,
      [organizationId, environment, JSON.stringify(defaults), version, updatedBy, updatedAt],
    );
  }
}

function unset(organizationId: string, environment: Environment): EnvironmentSettings {
  return {
    organizationId,
    environment,
    defaults: {},
    version: 0,
    updatedBy: null,
    updatedAt: null,
  };
}
