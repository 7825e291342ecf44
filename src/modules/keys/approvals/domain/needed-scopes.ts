import { type Scope, scopeMask, type ScopeMask } from '#common/auth/scopes.js';
import type { ApprovalSubject } from '#platform/http/approvals/approval.response.js';

export const READING: Readonly<Record<ApprovalSubject, Scope>> = {
  key: 'keys:read',
  policy: 'keys:read',
  budget: 'billing:read',
  organization: 'org:read',
};

/** What whoever changes such a thing needs, and so whoever asks for it or decides on it. */
export const WRITING: Readonly<Record<ApprovalSubject, Scope>> = {
  key: 'keys:write',
  policy: 'keys:write',
  budget: 'billing:write',
  organization: 'org:write',
};

export function neededFor({ subjectType }: { readonly subjectType: ApprovalSubject }): ScopeMask {
  return scopeMask([WRITING[subjectType]]);
}
