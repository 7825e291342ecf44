import { AppError } from '#common/errors/app-error.js';

import { isForeignKeyViolation, violatedUniqueConstraint } from './pg-errors.js';

/**
 * Runs a write, and says a doubled name or the like in the caller's terms.
 * @throws {AppError} `conflict` with `message` when `constraint` is violated; every other error as it is
 */
export async function refuseDuplicate<T>(
  constraint: string,
  refusal: { readonly message: string; readonly param: string },
  write: () => Promise<T>,
): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (violatedUniqueConstraint(error) !== constraint) throw error;
    throw new AppError('conflict', { ...refusal, cause: error });
  }
}

/**
 * Runs a deletion that foreign keys guard.
 * @throws {AppError} `conflict` with `message` while other rows refer to what is deleted; every other error as it is
 */
export async function refuseWhileUsed<T>(message: string, remove: () => Promise<T>): Promise<T> {
  try {
    return await remove();
  } catch (error) {
    if (!isForeignKeyViolation(error)) throw error;
    throw new AppError('conflict', { message, cause: error });
  }
}
