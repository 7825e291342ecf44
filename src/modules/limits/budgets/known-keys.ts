import { Injectable } from '@nestjs/common';

import type { Reach } from '#common/auth/reach.js';

/** Answers those of `keyIds` that are there and within reach, revoked ones as well. */
export type KeyFinder = (reach: Reach, keyIds: readonly string[]) => Promise<readonly string[]>;

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
  async has(organizationId: string, keyId: string): Promise<boolean> {
    return (await this.reached({ organizationId, userId: null, teamId: null }, [keyId])).has(keyId);
  }

  /** Those of `keyIds` that are within reach, revoked ones as well. */
  async reached(reach: Reach, keyIds: readonly string[]): Promise<ReadonlySet<string>> {
    if (!this.#finder) throw new Error('Nobody has said which keys there are.');
    return new Set(await this.#finder(reach, keyIds));
  }
}
