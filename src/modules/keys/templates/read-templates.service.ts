import { Injectable } from '@nestjs/common';

import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import type { PageQuery } from '#common/pagination/page.query.js';

import { TemplateTree } from './domain/template-tree.js';
import type {
  EffectivePolicyResponse,
  PolicyResponse,
  PolicyVersionResponse,
} from './dto/policy-template.responses.js';
import type { PolicyTemplate } from './policy-template.js';
import { PolicyTemplateRepository } from './policy-template.repository.js';
import { viewEffective, viewPolicy, viewVersion } from './policy-template.view.js';
import { noPolicy } from './write-template.service.js';

@Injectable()
export class ReadTemplatesService {
  constructor(private readonly templates: PolicyTemplateRepository) {}

  async list(organizationId: string, { limit, cursor }: PageQuery): Promise<Page<PolicyResponse>> {
    const rows = await this.templates.list(organizationId, decodeCursor(cursor), limit);
    return toPage(rows, limit, viewPolicy);
  }

  /** @throws {AppError} `not_found`, also for another organization's policy */
  async get(organizationId: string, id: string): Promise<PolicyResponse> {
    return viewPolicy(await this.#find(organizationId, id));
  }

  /** @throws {AppError} `not_found`, also for another organization's policy */
  async getEffective(organizationId: string, id: string): Promise<EffectivePolicyResponse> {
    const template = await this.#find(organizationId, id);
    const tree = new TemplateTree(await this.templates.listLineage(organizationId, id));
    return viewEffective(template, tree);
  }

  /** @throws {AppError} `not_found`, also for another organization's policy */
  async listVersions(
    organizationId: string,
    id: string,
    { limit, cursor }: PageQuery,
  ): Promise<Page<PolicyVersionResponse>> {
    await this.#find(organizationId, id);
    const at = decodeCursor(cursor);
    const before = at ? Number.parseInt(at.id, 10) || 0 : null;
    const rows = await this.templates.listVersions(organizationId, id, { before, limit });
    const placed = rows.map((row) => ({ row, id: String(row.version), createdAt: row.changedAt }));
    return toPage(placed, limit, ({ row }) => viewVersion(row));
  }

  async #find(organizationId: string, id: string): Promise<PolicyTemplate> {
    const template = await this.templates.find(organizationId, id);
    if (!template) throw noPolicy(id);
    return template;
  }
}
