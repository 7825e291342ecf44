import { Injectable } from '@nestjs/common';

import { type Environment, ENVIRONMENTS } from '#common/auth/principal.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { NO_RULES } from './domain/environment-rules.js';
import type { EnvironmentSettings } from './environment-settings.js';

/** Any fixed number: the class of the locks on organizations' environments among PostgreSQL's two-part advisory locks. */
const LOCK_CLASS = 7_203_014;

const COLUMNS = `organization_id AS "organizationId", environment, defaults, rules, version, updated_by AS "updatedBy",
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
    return row ? complete(row) : unset(organizationId, environment);
  }

  /** All there are, in the order of {@link ENVIRONMENTS}. */
  async list(organizationId: string): Promise<EnvironmentSettings[]> {
    const rows = await this.transactions.sql<EnvironmentSettings>(
      `SELECT ${COLUMNS} FROM environment_settings WHERE organization_id = $1`,
      [organizationId],
    );
    const byName = new Map(rows.map((row) => [row.environment, complete(row)]));
    return ENVIRONMENTS.map((name) => byName.get(name) ?? unset(organizationId, name));
  }

  async put(settings: EnvironmentSettings): Promise<void> {
    const { organizationId, environment, version, updatedBy, updatedAt } = settings;
    const documents = [settings.defaults, settings.rules].map((part) => JSON.stringify(part));
    await this.transactions.sql(
      `INSERT INTO environment_settings
         (organization_id, environment, defaults, rules, version, updated_by, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (organization_id, environment) DO UPDATE SET defaults = EXCLUDED.defaults, rules = EXCLUDED.rules,
         version = EXCLUDED.version, updated_by = EXCLUDED.updated_by, updated_at = EXCLUDED.updated_at`,
      [organizationId, environment, ...documents, version, updatedBy, updatedAt],
    );
  }
}

/** Also where it was written before a rule was added. */
function complete(row: EnvironmentSettings): EnvironmentSettings {
  return { ...row, rules: { ...NO_RULES, ...row.rules } };
}

function unset(organizationId: string, environment: Environment): EnvironmentSettings {
  return {
    organizationId,
    environment,
    defaults: {},
    rules: NO_RULES,
    version: 0,
    updatedBy: null,
    updatedAt: null,
  };
}
