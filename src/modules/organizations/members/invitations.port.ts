/** What a token invites to, as long as it can be accepted. */
export type PendingInvitation = {
  readonly organizationId: string;
  /** Whom it was sent to, in lower case. */
  readonly email: string;
  readonly role: string;
};

/** A token is shown once to the one who invites and to the invited; only its SHA-256 is stored. */
export abstract class Invitations {
  abstract findAcrossTenants(token: string): Promise<PendingInvitation | null>;

  /**
   * Makes the user a member, once. In the caller's transaction where there is one.
   * @throws {AppError} `not_found` for a token that is not known, was used, or is too old; `conflict` for somebody who is a
   * member already
   */
  abstract accept(token: string, userId: string): Promise<PendingInvitation>;
}
