import { Injectable } from '@nestjs/common';

import { type AuditFacts, AuditTrail, changed } from '#platform/audit-trail/audit-trail.port.js';

import { KeyInheritanceRepository } from './key-inheritance.repository.js';
import type { PolicyTemplate } from './policy-template.js';
import { PolicyTemplateRepository } from './policy-template.repository.js';
import { viewPolicy } from './policy-template.view.js';

/** The one way in which templates are written: each change with its entry in the audit log. */
@Injectable()
export class RecordTemplateService {
  constructor(
    private readonly templates: PolicyTemplateRepository,
    private readonly inheritances: KeyInheritanceRepository,
    private readonly trail: AuditTrail,
  ) {}

  /** Until the caller's transaction ends: nobody else writes the organization's templates. */
  hold(organizationId: string): Promise<void> {
    return this.templates.holdForChange(organizationId);
  }

  find(organizationId: string, id: string): Promise<PolicyTemplate | null> {
    return this.templates.find(organizationId, id);
  }

  async created(template: PolicyTemplate): Promise<void> {
    await this.templates.insert(template);
    await this.#append('policy.created', template, { after: factsOf(template) });
  }

  /** @param by the key that the change is made with */
  async changed(before: PolicyTemplate, after: PolicyTemplate, by: string): Promise<void> {
    await this.templates.update(after, by);
    await this.#append('policy.updated', after, changed(factsOf(before), factsOf(after)));
  }

  /** With what keys have of it that are revoked. */
  async deleted(template: PolicyTemplate): Promise<void> {
    const { organizationId, id } = template;
    await this.inheritances.deleteOfTemplate(organizationId, id);
    await this.templates.delete(organizationId, id);
    await this.#append('policy.deleted', template, { before: factsOf(template) });
  }

  async #append(
    action: 'policy.created' | 'policy.updated' | 'policy.deleted',
    { organizationId, id }: PolicyTemplate,
    what: { readonly before?: AuditFacts; readonly after?: AuditFacts },
  ): Promise<void> {
    await this.trail.append({ organizationId, action, target: { type: 'policy', id }, ...what });
  }
}

/** As the API shows it, but for what the entry says itself. */
function factsOf(template: PolicyTemplate): AuditFacts {
  const {
    name,
    description,
    inherit_from,
    permissions,
    restrictions,
    rate_limits,
    security,
    version,
  } = viewPolicy(template);
  return {
    name,
    description,
    inherit_from,
    permissions,
    restrictions,
    rate_limits,
    security,
    version,
  };
}
