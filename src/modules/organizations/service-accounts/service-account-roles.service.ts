import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';

import { CallerRights } from '../roles/caller-rights.service.js';
import { assertMayGiveOrTake, OWNER } from '../roles/domain/rights.js';
import { roleOr404 } from '../roles/read-roles.service.js';
import { RoleRepository } from '../roles/role.repository.js';

/** Which roles of service accounts a caller gives, takes and touches. Asked under the organization's lock. */
@Injectable()
export class ServiceAccountRoles {
  constructor(
    private readonly roles: RoleRepository,
    private readonly rights: CallerRights,
  ) {}

  /** @throws {AppError} `not_found`, `escalation_denied`, and `invalid_request` for `owner`, each naming the field `role` */
  async assertMayGiveOrTake(caller: Principal, role: string): Promise<void> {
    if (role === OWNER) {
      throw new AppError('invalid_request', {
        message:
          'A service account is no owner: owners are people, who answer for the organization.',
        param: 'role',
      });
    }
    const resolved = await this.roles.resolve(caller.organizationId, role);
    assertMayGiveOrTake(await this.rights.of(caller), roleOr404(resolved, role, 'role'), 'role');
  }
}
