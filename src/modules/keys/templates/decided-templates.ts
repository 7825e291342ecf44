import { Injectable } from '@nestjs/common';

import { ApprovalSubjects } from '../approvals/approval-subjects.service.js';
import { ChangeTemplateService } from './change-template.service.js';
import { PolicyTemplateRepository } from './policy-template.repository.js';

/** Says how changes of templates are done that somebody has approved. */
@Injectable()
export class DecidedTemplates {
  constructor(
    subjects: ApprovalSubjects,
    templates: PolicyTemplateRepository,
    changes: ChangeTemplateService,
  ) {
    subjects.onDecision('policy', {
      // Whoever reads policies reads all.
      reachedBy: () => Promise.resolve(null),
      lock: (organizationId) => templates.holdForChange(organizationId),
      apply: (approved) => changes.changeApproved(approved),
    });
  }
}
