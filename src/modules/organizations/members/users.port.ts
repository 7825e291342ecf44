import type { Secret } from '#common/secret/secret.js';

/** One person, whichever organizations they belong to. */
export type User = {
  readonly id: string;
  /** In lower case. */
  readonly email: string;
  readonly name: string;
  readonly status: 'active' | 'suspended';
  readonly createdAt: Date;
};

export type NewUser = {
  readonly email: string;
  readonly name: string;
  readonly passwordHash: Secret | null;
};

/** People are nobody's own: they may belong to several organizations, or to none any more. */
export abstract class Users {
  abstract findAcrossTenants(id: string): Promise<User | null>;

  /** @param email in any case */
  abstract findByEmailAcrossTenants(email: string): Promise<User | null>;

  /** `null` for who has no password, or is not there. */
  abstract passwordHashOf(id: string): Promise<Secret | null>;

  abstract setPasswordHash(id: string, hash: Secret): Promise<void>;

  /** @throws {AppError} `conflict` where somebody has this address already */
  abstract create(user: NewUser): Promise<User>;

  /** A new organization, whose owner the user becomes. Answers its id. */
  abstract foundOrganization(name: string, ownerId: string): Promise<string>;
}
