import type { Secret } from '#common/secret/secret.js';

import type { InvitationRow } from '../members/invitation.repository.js';
import type {
  InvitationResponse,
  InvitationWithTokenResponse,
} from './dto/invitation.responses.js';

export function viewInvitation(row: InvitationRow, now: number): InvitationResponse {
  return {
    id: row.id,
    email: row.email,
    role: row.role,
    status: row.expiresAt.getTime() > now ? 'pending' : 'expired',
    invited_by: row.invitedBy,
    created_at: row.createdAt.toISOString(),
    expires_at: row.expiresAt.toISOString(),
  };
}

export function viewWithToken(made: {
  readonly invitation: InvitationRow;
  readonly token: Secret;
}): InvitationWithTokenResponse {
  const { invitation, token } = made;
  return {
    ...viewInvitation(invitation, invitation.createdAt.getTime()),
    token: token.reveal(),
  };
}
