import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { CountryDatabase, CountryDatabaseError, countryOfRecord } from './country-database.js';
import { toCountryCode } from './country-code.js';

type Value = string | number | { readonly [name: string]: Value };

/** A value in the data format of MMDB: strings below 29 bytes, numbers as uint32, maps. */
function encode(value: Value): Buffer {
  if (typeof value === 'string') {
    return Buffer.concat([Buffer.of((2 << 5) | Buffer.byteLength(value)), Buffer.from(value)]);
  }
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(5);
    bytes[0] = (6 << 5) | 4;
    bytes.writeUInt32BE(value, 1);
    return bytes;
  }
  const members = Object.entries(value).flatMap((member) => member.map(encode));
  return Buffer.concat([Buffer.of((7 << 5) | Object.keys(value).length), ...members]);
}

/** A database of one node, which has the same record for every address. */
function mmdbOf(record: Value, metadata: Readonly<Record<string, Value>> = {}): Buffer {
  const pointer = [0, 0, 1 + 16];
  return Buffer.concat([
    Buffer.from([...pointer, ...pointer]),
    Buffer.alloc(16),
    encode(record),
    Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'),
    encode({
      binary_format_major_version: 2,
      build_epoch: 1_700_000_000,
      database_type: 'Spec-Country',
      ip_version: 6,
      node_count: 1,
      record_size: 24,
      ...metadata,
    }),
  ]);
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-geoip-'));
});
afterAll(() => rm(folder, { recursive: true }));

let files = 0;
async function open(bytes: Buffer): Promise<CountryDatabase> {
  const path = join(folder, `${files++}.mmdb`);
  await writeFile(path, bytes);
  return CountryDatabase.open(path);
}

describe('CountryDatabase', () => {
  it('reads a database of MaxMind’s shape, and what it says of itself', async () => {
    const database = await open(mmdbOf({ country: { iso_code: 'DE', geoname_id: 2_921_044 } }));
    expect(database.countryOf('8.8.8.8')).toBe('DE');
    expect(database.countryOf('2001:4860:4860::8888')).toBe('DE');
    expect(database.type).toBe('Spec-Country');
    expect(database.builtAt).toEqual(new Date(1_700_000_000_000));
  });

  it('knows no IPv6 address from a database of IPv4: its bits would lead to somebody else', async () => {
    const database = await open(mmdbOf({ country_code: 'FR' }, { ip_version: 4 }));
    expect(database.countryOf('8.8.8.8')).toBe('FR');
    expect(database.countryOf('2001:4860:4860::8888')).toBeNull();
  });

  it('takes a database that has nothing where the sample looks', async () => {
    // Both records of the only node say "not found".
    const bytes = mmdbOf({ country_code: 'FR' });
    bytes.set([0, 0, 1, 0, 0, 1]);
    expect((await open(bytes)).countryOf('8.8.8.8')).toBeNull();
  });

  const good = mmdbOf({ country_code: 'FR' });
  it.each([
    ['an empty file', Buffer.alloc(0), 'the file is no MMDB database'],
    ['a text', Buffer.from('network,country\n8.8.8.0/24,US\n'), 'the file is no MMDB database'],
    ['zeros', Buffer.alloc(4096), 'the file is no MMDB database'],
    ['a file that was cut at its end', good.subarray(0, 60), 'the file is no MMDB database'],
    ['metadata without a tree', good.subarray(39), 'the file is damaged'],
    [
      'a tree that is larger than the file',
      mmdbOf({ country_code: 'FR' }, { node_count: 1_000 }),
      'the file is damaged',
    ],
    ['an empty tree', mmdbOf({ country_code: 'FR' }, { node_count: 0 }), 'the file is damaged'],
    [
      'a number that is none',
      mmdbOf({ country_code: 'FR' }, { node_count: 'many' }),
      'the file is damaged',
    ],
    [
      'another size of records',
      mmdbOf({ country_code: 'FR' }, { record_size: 20 }),
      'the file is no MMDB database',
    ],
    [
      'another version of IP',
      mmdbOf({ country_code: 'FR' }, { ip_version: 5 }),
      'the file’s MMDB format is not known',
    ],
    [
      'another version of the format',
      mmdbOf({ country_code: 'FR' }, { binary_format_major_version: 3 }),
      'the file’s MMDB format is not known',
    ],
    [
      'a database of networks',
      mmdbOf({ autonomous_system_number: 15_169 }),
      'the file’s records have no country',
    ],
  ])('refuses %s', async (_, bytes, reason) => {
    await expect(open(bytes)).rejects.toThrow(new CountryDatabaseError(reason));
  });

  it('refuses a record that can’t be read', async () => {
    const bytes = mmdbOf({ country_code: 'FR' });
    // An extended type that there is none of.
    bytes.set([0, 0], 6 + 16);
    await expect(open(bytes)).rejects.toThrow('the file is damaged');
  });

  it('refuses a file that is not there, and a folder, with the system’s reason', async () => {
    await expect(CountryDatabase.open(join(folder, 'none.mmdb'))).rejects.toThrow(/ENOENT/);
    await expect(CountryDatabase.open(folder)).rejects.toThrow(/EISDIR/);
  });
});

describe('countryOfRecord', () => {
  it.each([
    [{ country: { iso_code: 'US' } }, 'US'],
    [{ country: { iso_code: 'us', names: { en: 'United States' } }, city: {} }, 'US'],
    [{ country_code: 'GB' }, 'GB'],
    [{ country_code: 'XK' }, 'XK'],
    // Where the holder of the addresses sits is not where they are used.
    [{ registered_country: { iso_code: 'US' } }, null],
    [{ country: {} }, null],
    [{ country: { iso_code: 1 } }, null],
    [{ country: null }, null],
    [{ country: 'US' }, null],
    [{ country_code: '' }, null],
    [{ country_code: 'ZZ' }, null],
    [{}, null],
    [null, null],
    ['US', null],
  ])('of %j is %s', (record, country) => {
    expect(countryOfRecord(record)).toBe(country);
  });
});

describe('toCountryCode', () => {
  it.each([
    ['US', 'US'],
    ['de', 'DE'],
    ['Fr', 'FR'],
    ['XX', null],
    ['xx', null],
    ['ZZ', null],
    ['T1', null],
    ['USA', null],
    ['U', null],
    ['', null],
    [' US', null],
    ['US\n', null],
    ['ÄÖ', null],
    [undefined, null],
    [['US'], null],
  ])('of %j is %s', (value, code) => {
    expect(toCountryCode(value)).toBe(code);
  });
});
