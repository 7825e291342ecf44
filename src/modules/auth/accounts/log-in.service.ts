import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Secret } from '#common/secret/secret.js';
import { Memberships } from '#modules/organizations/index.js';

import { SessionIssuer } from '../sessions/session-issuer.port.js';
import type { Entered } from './account.view.js';
import type { Client } from './browsers.js';
import { CheckPasswordService } from './check-password.service.js';
import type { LogInDto } from './dto/account.dto.js';

@Injectable()
export class LogInService {
  constructor(
    private readonly checkPassword: CheckPasswordService,
    private readonly memberships: Memberships,
    private readonly sessions: SessionIssuer,
  ) {}

  /**
   * A session for one of the user's organizations. A suspended one is let in, and told so by every call.
   * @throws {AppError} as `CheckPasswordService`; `not_found` for an organization that they do not belong to;
   * `operation_not_allowed` when there is none
   */
  async logIn({ email, password, ...dto }: LogInDto, client: Client): Promise<Entered> {
    const user = await this.checkPassword.check(email, new Secret(password), client.address);
    const organizationId = await this.#choose(user.id, dto.organization_id ?? null);
    const session = await this.sessions.issue({ userId: user.id, organizationId, ...client });
    return { user, session };
  }

  async #choose(userId: string, asked: string | null): Promise<string> {
    const all = await this.memberships.listAcrossTenants(userId);
    if (asked !== null) {
      if (all.some(({ organizationId }) => organizationId === asked)) return asked;
      throw new AppError('not_found', { message: `There is no organization ${asked}.` });
    }
    const found = all.find(({ isSuspended }) => !isSuspended) ?? all[0];
    if (found) return found.organizationId;
    throw new AppError('operation_not_allowed', {
      message: 'You belong to no organization any more. Ask somebody to invite you.',
    });
  }
}
