import { Injectable } from '@nestjs/common';

import { Memberships } from '#modules/organizations/index.js';

import { ApiKeyRepository } from './api-key.repository.js';
import { reachOf, wholeOrganization } from './domain/key-reach.js';
import type { KeyView } from './domain/key-view.js';
import { memberView } from './domain/member-view.js';
import { keyViewOf } from './key-view-of.js';
import { SubjectRights } from './subject-rights.port.js';

@Injectable()
export class ReadSubjectRightsService extends SubjectRights {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly memberships: Memberships,
  ) {
    super();
  }

  override async viewOf(organizationId: string, subject: string): Promise<KeyView | null> {
    const row = await this.keys.find(wholeOrganization(organizationId), subject);
    if (!row) return this.#viewOfPerson(organizationId, subject);
    if (row.standing !== null) return null;
    // One of its secrets may end: that says nothing of the key.
    return keyViewOf({ ...row, secret: { ...row.secret, expiresAt: null } }, null);
  }

  override reaches(view: KeyView, keyId: string): Promise<boolean> {
    return this.keys.exists(reachOf(view), keyId);
  }

  async #viewOfPerson(organizationId: string, userId: string): Promise<KeyView | null> {
    const membership = await this.memberships.find(organizationId, userId);
    if (!membership || membership.isSuspended) return null;
    const { role, scopes } = membership;
    return memberView({ organizationId, userId, role, scopes, sessionId: userId });
  }
}
