/** A key, and who had a hand in it. */
export type Ancestor = {
  readonly id: string;
  readonly ownerId: string | null;
  /** The key that made it, or the user whose session did. */
  readonly createdBy: string | null;
};

/** Who did something: a key, or a user with a session. */
export type Party = {
  /** `key_…` or `user_…`. */
  readonly id: string;
  /** The user behind it, as far as the credential itself says. */
  readonly userId: string | null;
  /** Of a key: itself, the key that made it, the one that made that, and so on. */
  readonly line: readonly Ancestor[];
};

const USER = 'user_';

/**
 * Whether `approver` is somebody else than `party`: another user, and no key that the party, or a key of its line, has made. A
 * key that made the party is somebody else: that way a master key may decide on what a key of its making asks for.
 */
export function isSomebodyElse(approver: Party, party: Party): boolean {
  const involved = everybodyIn(approver);
  return ![party.id, party.userId, personBehind(party)].some(
    (id) => id !== null && involved.has(id),
  );
}

/** All whose doing the approver is, itself included. */
export function everybodyIn({ id, userId, line }: Party): ReadonlySet<string> {
  const ids = line.flatMap((key) => [key.id, key.ownerId, key.createdBy]);
  return new Set([id, userId, ...ids].filter((one) => one !== null));
}

/** The user whose key it is, else who made it, or what made it, in a session. */
function personBehind({ line }: Party): string | null {
  for (const { ownerId, createdBy } of line) {
    if (ownerId !== null) return ownerId;
    if (createdBy?.startsWith(USER)) return createdBy;
  }
  return null;
}
