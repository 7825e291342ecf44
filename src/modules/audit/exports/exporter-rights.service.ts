import { Injectable } from '@nestjs/common';

import { scopeMask } from '#common/auth/scopes.js';
import { Clock } from '#common/time/clock.js';
import { authorize, type KeyView, reachesAll, SubjectRights } from '#modules/keys/index.js';

import type { AuditExport } from './domain/audit-export.js';

const EXPORTS_AUDIT = scopeMask(['audit:export']);

/** Whether somebody may have what is in an export, by their role or their key's rights of now, not of when they asked. */
@Injectable()
export class ExporterRights {
  constructor(
    private readonly rights: SubjectRights,
    private readonly clock: Clock,
  ) {}

  /** @param subject `key_…` or `user_…` of the export's organization */
  async mayHave(subject: string, one: AuditExport): Promise<boolean> {
    const view = await this.rights.viewOf(one.organizationId, subject);
    if (!view) return false;
    const facts = {
      now: this.clock.now(),
      neededScopes: EXPORTS_AUDIT,
      isReadOnlyRoute: false,
      client: undefined,
    };
    return authorize(view, facts).allowed && this.reaches(view, one);
  }

  /** What only some keys are reached by is had by whoever asked for it. */
  async reaches(view: KeyView, one: AuditExport): Promise<boolean> {
    if (reachesAll(view)) return true;
    if (one.keyId === null || one.requestedBy !== view.keyId) return false;
    return this.rights.reaches(view, one.keyId);
  }
}
