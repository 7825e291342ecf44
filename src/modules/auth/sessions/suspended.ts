import { AppError } from '#common/errors/app-error.js';

/** @throws {AppError} `key_disabled` */
export function assertNotSuspended(suspended: 'account' | 'organization' | null): void {
  if (suspended === null) return;
  const what = suspended === 'account' ? 'Your account' : 'This organization';
  throw new AppError('key_disabled', { message: `${what} is suspended.` });
}
