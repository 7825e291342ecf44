import { AppError } from '#common/errors/app-error.js';

/** The built-in provider, which is not in the database. */
export const SANDBOX_PROVIDER = 'sandbox';

/** @throws {AppError} `invalid_request` naming `name` */
export function refuseReservedName(name: string): void {
  if (name !== SANDBOX_PROVIDER) return;
  throw new AppError('invalid_request', {
    message: `The name ${SANDBOX_PROVIDER} is that of the built-in provider. Choose another.`,
    param: 'name',
  });
}
