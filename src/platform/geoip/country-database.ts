import { Reader, type Response } from 'mmdb-lib';
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';

import { toCountryCode } from './country-code.js';

/** Between the search tree and the data (MaxMind DB format 2.0). */
const SEPARATOR_BYTES = 16;

/** Why a file can't be used. The message goes after the name of the file, or of the variable that has it. */
export class CountryDatabaseError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'CountryDatabaseError';
  }
}

/**
 * A country or city database in MaxMind's MMDB format (https://maxmind.github.io/MaxMind-DB/), held in memory as it
 * stands in the file.
 */
export class CountryDatabase {
  /** What its maker calls it: `GeoLite2-Country`. */
  readonly type: string;
  readonly builtAt: Date;

  private constructor(private readonly reader: Reader<Response>) {
    this.type = reader.metadata.databaseType;
    this.builtAt = reader.metadata.buildEpoch;
  }

  /** @throws {CountryDatabaseError} the file is not there, is no such database, is damaged, or is one of something else */
  static async open(path: string): Promise<CountryDatabase> {
    const bytes = await readFile(path).catch((error: unknown) => {
      const { code } = error as NodeJS.ErrnoException;
      throw new CountryDatabaseError(
        `the file can’t be read (${code ?? 'no reason given'})`,
        error,
      );
    });
    const reader = parse(bytes);
    refuseOtherThanCountries(reader);
    return new CountryDatabase(reader);
  }

  /** @param address IPv4 or IPv6, in canonical form and not IPv4-mapped */
  countryOf(address: string): string | null {
    // The reader would walk the tree by the first 32 bits of the IPv6 address, and find somebody else's.
    if (this.reader.metadata.ipVersion === 4 && isIPv6(address)) return null;
    try {
      return countryOfRecord(this.reader.get(address));
    } catch {
      // The file was looked over when it was opened; a record that is damaged all the same is one that isn't known.
      return null;
    }
  }
}

/** Reads the country as MaxMind's databases have it (`country.iso_code`), or as ip-location-db's (`country_code`). */
export function countryOfRecord(record: unknown): string | null {
  if (typeof record !== 'object' || record === null) return null;
  const { country_code: flat, country } = record as { country_code?: unknown; country?: unknown };
  if (flat !== undefined) return toCountryCode(flat);
  if (typeof country !== 'object' || country === null) return null;
  return toCountryCode((country as { iso_code?: unknown }).iso_code);
}

function parse(bytes: Buffer): Reader<Response> {
  let reader: Reader<Response>;
  try {
    reader = new Reader(bytes);
  } catch (error) {
    throw new CountryDatabaseError('the file is no MMDB database', error);
  }
  const { binaryFormatMajorVersion, ipVersion, searchTreeSize } = reader.metadata;
  const isKnownFormat = binaryFormatMajorVersion === 2 && (ipVersion === 4 || ipVersion === 6);
  if (!isKnownFormat) throw new CountryDatabaseError('the file’s MMDB format is not known');
  // Written so that a size which is no number is refused as well.
  const isWhole = searchTreeSize > 0 && searchTreeSize + SEPARATOR_BYTES < bytes.length;
  if (!isWhole) throw new CountryDatabaseError('the file is damaged');
  return reader;
}

/**
 * A database of networks or anonymizers has the same format, and would leave every country unknown without a word. It
 * shows in a sample: records in plenty, none with a country. A database that has nothing there may be a small one.
 */
function refuseOtherThanCountries(reader: Reader<Response>): void {
  let records: unknown[];
  try {
    records = Array.from({ length: 223 }, (_, index) => {
      const octet = index + 1;
      return reader.get(`${octet}.${octet}.${octet}.${octet}`);
    }).filter((record) => record !== null);
  } catch (error) {
    throw new CountryDatabaseError('the file is damaged', error);
  }
  if (records.length > 0 && records.every((record) => countryOfRecord(record) === null)) {
    throw new CountryDatabaseError('the file’s records have no country');
  }
}
