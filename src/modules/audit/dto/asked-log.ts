import { AppError } from '#common/errors/app-error.js';
import { OneOf } from '#common/validation/fields.js';
import type { KeyView } from '#modules/keys/index.js';
import { INSTALLATION } from '#platform/audit-trail/audit-trail.port.js';

export class AskedLogQuery {
  @InstallationLog()
  organization_id?: typeof INSTALLATION;
}

/** For queries that have more to them. */
export function InstallationLog(): PropertyDecorator {
  return OneOf({
    description:
      'The log of what belongs to no organization, such as calls with keys that nobody has, for a master key alone. The caller’s organization’s unless said.',
    values: [INSTALLATION],
    optional: true,
  });
}

/**
 * Whose log is asked for.
 * @throws {AppError} `operation_not_allowed` for who has no master key and asks for the installation's
 */
export function organizationOf(caller: KeyView, { organization_id: asked }: AskedLogQuery): string {
  if (asked !== INSTALLATION) return caller.organizationId;
  if (caller.accessLevel === 'master') return INSTALLATION;
  throw new AppError('operation_not_allowed', {
    message: 'Only a master key reads the log of the installation.',
    param: 'organization_id',
  });
}
