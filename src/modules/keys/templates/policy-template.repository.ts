import { Injectable } from '@nestjs/common';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { MAX_LEVELS } from './domain/template-tree.js';
import type { PolicyTemplate, TemplateVersion } from './policy-template.js';

/** Any fixed number: the class of the locks on organizations' templates among PostgreSQL's two-part advisory locks. */
const LOCK_CLASS = 7_203_011;

const COLUMNS = `id, organization_id AS "organizationId", name, description, parent_id AS "parentId", input, version,
  created_by AS "createdBy", created_at AS "createdAt", updated_at AS "updatedAt"`;
const QUALIFIED = COLUMNS.replace(/(^|, |\n\s+)(?=[a-z])/g, '$1template.');

@Injectable()
export class PolicyTemplateRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /**
   * Waits until nobody changes a template of the organization, and keeps it so until this transaction ends. It goes before
   * every lock on a key.
   */
  async holdStill(organizationId: string): Promise<void> {
    await this.transactions.sql('SELECT pg_advisory_xact_lock_shared($1, hashtext($2))', [
      LOCK_CLASS,
      organizationId,
    ]);
  }

  /** For whoever changes one: also waits for keys that are just being made from one. */
  async holdForChange(organizationId: string): Promise<void> {
    await this.transactions.sql('SELECT pg_advisory_xact_lock($1, hashtext($2))', [
      LOCK_CLASS,
      organizationId,
    ]);
  }

  async find(organizationId: string, id: string): Promise<PolicyTemplate | null> {
    return this.#one('organization_id = $1 AND id = $2', [organizationId, id]);
  }

  /** No name looks like an id. */
  async findByNameOrId(organizationId: string, nameOrId: string): Promise<PolicyTemplate | null> {
    return this.#one('organization_id = $1 AND (id = $2 OR name = $2)', [organizationId, nameOrId]);
  }

  count(organizationId: string): Promise<number> {
    return this.#count('policy_templates WHERE organization_id = $1', [organizationId]);
  }

  countChildren(organizationId: string, id: string): Promise<number> {
    return this.#count('policy_templates WHERE organization_id = $1 AND parent_id = $2', [
      organizationId,
      id,
    ]);
  }

  /** The template itself and all that it is built upon, in no order. */
  async listLineage(organizationId: string, id: string): Promise<PolicyTemplate[]> {
    return this.#walk('template.id = near."parentId"', [organizationId, id]);
  }

  /** The template itself and all that are built upon it, directly or not, in no order. */
  async listFamily(organizationId: string, id: string): Promise<PolicyTemplate[]> {
    return this.#walk('template.parent_id = near.id', [organizationId, id]);
  }

  /** Newest first, one more than `limit` when there are more. */
  async list(
    organizationId: string,
    after: CursorPosition | null,
    limit: number,
  ): Promise<PolicyTemplate[]> {
    return this.transactions.sql(
      `SELECT ${COLUMNS} FROM policy_templates
        WHERE organization_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
        ORDER BY created_at DESC, id DESC LIMIT $4`,
      [organizationId, after?.createdAt ?? null, after?.id ?? null, limit + 1],
    );
  }

  async insert(template: PolicyTemplate): Promise<void> {
    const { id, organizationId, name, description, parentId, input, version } = template;
    await this.transactions.sql(
      `INSERT INTO policy_templates
         (id, organization_id, name, description, parent_id, input, version, created_by, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [
        ...[id, organizationId, name, description, parentId, JSON.stringify(input), version],
        ...[template.createdBy, template.createdAt, template.updatedAt],
      ],
    );
    await this.#addVersion(template, template.createdBy);
  }

  /** @param by the key that the change is made with */
  async update(template: PolicyTemplate, by: string): Promise<void> {
    const { id, organizationId, name, description, parentId, input, version } = template;
    await this.transactions.sql(
      `UPDATE policy_templates
          SET name = $3, description = $4, parent_id = $5, input = $6, version = $7, updated_at = $8
        WHERE organization_id = $1 AND id = $2`,
      [
        ...[organizationId, id, name, description, parentId, JSON.stringify(input), version],
        template.updatedAt,
      ],
    );
    await this.#addVersion(template, by);
  }

  async delete(organizationId: string, id: string): Promise<void> {
    await this.transactions.sql(
      'DELETE FROM policy_templates WHERE organization_id = $1 AND id = $2',
      [organizationId, id],
    );
  }

  /** Newest first, those before `before`, one more than `limit` when there are more. */
  async listVersions(
    organizationId: string,
    id: string,
    { before, limit }: { readonly before: number | null; readonly limit: number },
  ): Promise<TemplateVersion[]> {
    return this.transactions.sql(
      `SELECT version, name, description, parent_id AS "parentId", input, changed_by AS "changedBy",
              changed_at AS "changedAt"
         FROM policy_template_versions
        WHERE organization_id = $1 AND template_id = $2 AND ($3::integer IS NULL OR version < $3)
        ORDER BY version DESC LIMIT $4`,
      [organizationId, id, before, limit + 1],
    );
  }

  async #addVersion(template: PolicyTemplate, by: string): Promise<void> {
    const { id, organizationId, name, description, parentId, input, version } = template;
    await this.transactions.sql(
      `INSERT INTO policy_template_versions
         (template_id, version, organization_id, name, description, parent_id, input, changed_by, changed_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        ...[id, version, organizationId, name, description, parentId, JSON.stringify(input)],
        ...[by, template.updatedAt],
      ],
    );
  }

  async #one(condition: string, parameters: readonly unknown[]): Promise<PolicyTemplate | null> {
    const [row] = await this.transactions.sql<PolicyTemplate>(
      `SELECT ${COLUMNS} FROM policy_templates WHERE ${condition}`,
      parameters,
    );
    return row ?? null;
  }

  async #count(of: string, parameters: readonly unknown[]): Promise<number> {
    const [row] = await this.transactions.sql<{ count: number }>(
      `SELECT count(*)::integer AS count FROM ${of}`,
      parameters,
    );
    return row?.count ?? 0;
  }

  async #walk(step: string, parameters: readonly unknown[]): Promise<PolicyTemplate[]> {
    return this.transactions.sql(
      `WITH RECURSIVE near AS (
         SELECT ${COLUMNS}, 1 AS level FROM policy_templates WHERE organization_id = $1 AND id = $2
         UNION ALL
         SELECT ${QUALIFIED}, near.level + 1
           FROM policy_templates template JOIN near ON ${step}
          WHERE template.organization_id = $1 AND near.level < ${MAX_LEVELS + 1}
       ) SELECT * FROM near`,
      parameters,
    );
  }
}
