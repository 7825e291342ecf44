import type { BuiltInRole } from '#common/auth/roles.js';
import { type Scope, scopeMask, type ScopeMask, scopesOf } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';

/** What a caller may hand on to others. */
export type Rights = {
  readonly scopeMask: ScopeMask;
  /** An owner or a master key: nobody else makes owners, or touches them. */
  readonly isOwner: boolean;
};

/** `owner`, `admin` … or the `role_…` of one of the organization's own, and what it comes to. */
export type ResolvedRole = { readonly role: string; readonly scopes: readonly Scope[] };

export const OWNER: BuiltInRole = 'owner';

/**
 * Whoever gives or takes scopes must hold them: else somebody could be made to do for their maker what the maker may not.
 * @param param the field that asks for them
 * @throws {AppError} `escalation_denied`
 */
export function assertHolds(rights: Rights, scopes: readonly Scope[], param: string): void {
  const missing = scopeMask(scopes) & ~rights.scopeMask;
  if (missing === 0) return;
  throw denied(
    param,
    `You can’t give or take what you don’t have yourself: ${scopesOf(missing).join(', ')}.`,
  );
}

/**
 * @param param the field that names the role
 * @throws {AppError} `escalation_denied`
 */
export function assertMayGiveOrTake(rights: Rights, role: ResolvedRole, param: string): void {
  if (role.role === OWNER && !rights.isOwner) {
    throw denied(param, 'Only an owner or a master key makes owners, or touches them.');
  }
  assertHolds(rights, role.scopes, param);
}

function denied(param: string, message: string): AppError {
  return new AppError('escalation_denied', { param, message });
}
