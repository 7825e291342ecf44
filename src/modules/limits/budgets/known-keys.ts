import { Injectable } from '@nestjs/common';

export type KeyFinder = (organizationId: string, keyId: string) => Promise<boolean>;

/**
 * Where the keys module, which may use this module and not the other way round, says which keys an organization has.
 * It does so while the application starts.
 */
@Injectable()
export class KnownKeys {
  #finder: KeyFinder | null = null;

  findWith(finder: KeyFinder): void {
    this.#finder = finder;
  }

  /** Whether the organization has that key, also as a revoked one. */
  has(organizationId: string, keyId: string): Promise<boolean> {
    if (!this.#finder) throw new Error('Nobody has said which keys there are.');
    return this.#finder(organizationId, keyId);
  }
}
