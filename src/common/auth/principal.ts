import type { AccessLevel, ScopeMask } from './scopes.js';

export type Environment = 'production' | 'staging' | 'development';
export const ENVIRONMENTS = [
  'production',
  'staging',
  'development',
] as const satisfies Environment[];

/** Who is calling: an authenticated credential, with what every module may need to know of it. */
export type Principal = {
  readonly organizationId: string;
  /** Of the credential's subject: `key_…`, or `user_…` for somebody with a session. */
  readonly keyId: string;
  /** Which secret of the key was presented, `sec_…`, or which session is used, `ses_…`. */
  readonly secretId: string;
  /** Who is behind it; `null` for a key that is nobody's own. */
  readonly userId: string | null;
  /** Whose key it is, where that is no person: `sa_…`. */
  readonly serviceAccountId: string | null;
  /** That person's in the organization, where they call themselves; `null` for keys. */
  readonly role: string | null;
  /** The team that a key is of; `null` for people, and for keys of none. */
  readonly teamId: string | null;
  readonly accessLevel: AccessLevel | null;
  readonly scopeMask: ScopeMask;
  /** Whether more than its scopes bounds it: a policy, an end, a team, or that it is a test key. */
  readonly isBounded: boolean;
  /** Which of its requests are written to the audit log; `null`: none. */
  readonly auditedRequests: 'all' | 'failures' | null;
  /** Whether people are told of suspicious use. */
  readonly isWatched: boolean;
  /** Whether this credential may use the model of that name. */
  readonly allowsModel: (model: string) => boolean;
};
