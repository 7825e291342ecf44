import type { User } from '#modules/organizations/index.js';

import type { IssuedSession } from '../sessions/session-issuer.port.js';
import type { OrganizationSessionResponse, SessionResponse } from './dto/account.responses.js';

/** Somebody who has just proved who they are, and their new session. */
export type Entered = { readonly user: User; readonly session: IssuedSession };
export type EnteredOrganization = Entered & {
  readonly organization: { readonly id: string; readonly name: string };
};

export function viewUser({ id, email, name, createdAt }: User): SessionResponse['user'] {
  return { id, email, name, created_at: createdAt.toISOString() };
}

export function viewSession({ user, session }: Entered): SessionResponse {
  return {
    user: viewUser(user),
    token: session.token.reveal(),
    expires_at: session.expiresAt.toISOString(),
    csrf_token: session.csrfToken,
  };
}

export function viewOrganizationSession(entered: EnteredOrganization): OrganizationSessionResponse {
  return { ...viewSession(entered), organization: entered.organization };
}
