import { AppError } from '#common/errors/app-error.js';

/** What one organization may have. */
export const MAX_TEAMS = 500;
export const MAX_PROJECTS = 5_000;
export const MAX_ROLES = 200;
export const MAX_SERVICE_ACCOUNTS = 1_000;
export const MAX_OPEN_INVITATIONS = 1_000;

/** @throws {AppError} `conflict` */
export function refuseOneTooMany(count: number, max: number, what: string): void {
  if (count < max) return;
  throw new AppError('conflict', { message: `An organization can have ${max} ${what}.` });
}
