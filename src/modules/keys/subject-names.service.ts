import { Injectable } from '@nestjs/common';

import type { Subject } from '#modules/limits/index.js';
import { Projects, Teams, Users } from '#modules/organizations/index.js';

import { ApiKeyRepository } from './api-key.repository.js';
import { wholeOrganization } from './domain/key-reach.js';

export type NamedSubject = {
  /** `null` for what is gone, and for the organization, whose people know it. */
  readonly name: string | null;
  /** Whose people hear of it besides. */
  readonly teamId: string | null;
};

/** What people call those whose limits they are told of. */
@Injectable()
export class SubjectNames {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly users: Users,
    private readonly teams: Teams,
    private readonly projects: Projects,
  ) {}

  async of(organizationId: string, subject: Subject, id: string): Promise<NamedSubject> {
    switch (subject) {
      case 'key':
        return told((await this.keys.find(wholeOrganization(organizationId), id))?.key);
      case 'user':
        return told(await this.users.findAcrossTenants(id));
      case 'team': {
        const team = await this.teams.find(organizationId, id);
        return told(team && { name: team.name, teamId: id });
      }
      case 'project':
        return told((await this.projects.findAll(organizationId, [id]))[0]);
      case 'organization':
        return told(null);
    }
  }
}

function told(
  found: { readonly name: string; readonly teamId?: string | null } | null | undefined,
): NamedSubject {
  return { name: found?.name ?? null, teamId: found?.teamId ?? null };
}
