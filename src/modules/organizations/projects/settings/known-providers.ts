import { Injectable } from '@nestjs/common';

/** Answers those of `names` that providers of the organization have, letter for letter. */
export type ProviderFinder = (
  organizationId: string,
  names: readonly string[],
) => Promise<readonly string[]>;

/**
 * Where the catalog, which may use this module and not the other way round, says which providers an organization has. It does so
 * while the application starts.
 */
@Injectable()
export class KnownProviders {
  #finder: ProviderFinder | null = null;

  findWith(finder: ProviderFinder): void {
    this.#finder = finder;
  }

  /** The first of `names` that no provider has; `null` where each is one’s. */
  async firstUnknown(organizationId: string, names: readonly string[]): Promise<string | null> {
    if (!this.#finder) throw new Error('Nobody has said which providers there are.');
    const known = new Set(await this.#finder(organizationId, names));
    return names.find((name) => !known.has(name)) ?? null;
  }
}
