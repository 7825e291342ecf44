import { AppError } from '#common/errors/app-error.js';
import type { KeyView } from '#modules/keys/index.js';

/**
 * Both are asked of the calling key's own policy, whatever its access level.
 * @throws {AppError} `operation_not_allowed`
 */
export function assertMayReadBodies({ policy }: KeyView): void {
  if (policy.exportsData) return;
  throw notAllowed('read bodies', 'export_data', 'include');
}

/** @throws {AppError} `operation_not_allowed` */
export function assertMayDeleteBodies({ policy }: KeyView): void {
  if (!policy.deletesData) throw notAllowed('delete bodies', 'delete_data');
}

function notAllowed(what: string, right: string, param?: string): AppError {
  return new AppError('operation_not_allowed', {
    message: `This API key may not ${what}: it needs permissions.data_access.${right}.`,
    ...(param !== undefined && { param }),
  });
}
