import { AppError } from '#common/errors/app-error.js';
import { violatedUniqueConstraint } from '#platform/database/pg-errors.js';

/**
 * Runs a write, and says a doubled name or route in the caller's terms.
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
