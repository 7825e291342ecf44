import type { Secret } from '#common/secret/secret.js';

/** Who a session is for, and where they are. */
export type SessionHolder = {
  readonly userId: string;
  readonly organizationId: string;
  /** The client's, for its owner to know their sessions by; the empty string when it is not known. */
  readonly address: string;
  /** What the client calls itself. */
  readonly agent: string | undefined;
};

export type IssuedSession = {
  readonly id: string;
  /** Shown this once. */
  readonly token: Secret;
  readonly csrfToken: string;
  readonly expiresAt: Date;
};

/** Begins sessions. How somebody proved who they are is not its business: by a password, or by another's word. */
export abstract class SessionIssuer {
  /** A new session, in the caller's transaction where there is one. */
  abstract issue(holder: SessionHolder): Promise<IssuedSession>;
}
