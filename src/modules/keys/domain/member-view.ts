import type { BuiltInRole } from '#common/auth/roles.js';
import type { Scope } from '#common/auth/scopes.js';

import { compileKeyView, type KeyView } from './key-view.js';
import { UNRESTRICTED_POLICY, WITHOUT_DATA_RIGHTS } from './policy/policy-fields.js';

const OWNER: BuiltInRole = 'owner';

export type CallingMember = {
  readonly organizationId: string;
  readonly userId: string;
  readonly role: string;
  readonly scopes: readonly Scope[];
  readonly sessionId: string;
};

/**
 * Somebody with a session, as their calls are decided on: like a live key that nothing but its scopes restricts. Rights over
 * data (reading and deleting bodies of the request log) are an owner's alone: others need a key that has
 * them. Keys that somebody makes do not end with the session, so it has no expiry; whoever finds the session looks at that.
 */
export function memberView(member: CallingMember): KeyView {
  return compileKeyView({
    keyId: member.userId,
    organizationId: member.organizationId,
    userId: member.userId,
    serviceAccountId: null,
    role: member.role,
    teamId: null,
    projectIds: [],
    standing: null,
    environment: 'production',
    accessLevel: null,
    scopes: member.scopes,
    policy: member.role === OWNER ? UNRESTRICTED_POLICY : WITHOUT_DATA_RIGHTS,
    expiresAt: null,
    disabledAt: null,
    enableAt: null,
    revokedAt: null,
    awaitsApproval: false,
    secretId: member.sessionId,
    secretExpiresAt: null,
    secretRetiredAt: null,
    signingSecret: null,
  });
}
