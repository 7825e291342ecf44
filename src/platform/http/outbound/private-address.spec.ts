import type { LookupAddress, LookupAllOptions } from 'node:dns';
import { connect, createServer, type AddressInfo, type LookupFunction } from 'node:net';
import { describe, expect, it } from 'vitest';

import {
  createGuardedLookup,
  ForbiddenTargetError,
  isGlobalUnicast,
  refuseLiteral,
} from './private-address.js';

const FORBIDDEN_ADDRESSES = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.1',
  '192.0.0.192',
  '192.0.2.1',
  '192.31.196.1',
  '192.52.193.1',
  '192.88.99.1',
  '192.168.1.1',
  '192.175.48.1',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::7f00:1',
  '::8.8.8.8',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '::ffff:0:127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b::808:808',
  '64:ff9b:1::7f00:1',
  '100::1',
  '2001::1',
  '2001:2::1',
  '2001:3::1',
  '2001:4:112::1',
  '2001:10::1',
  '2001:20::1',
  '2001:30::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '2002:808:808::1',
  '2620:4f:8000::1',
  '3fff::1',
  '4000::1',
  '5f00::1',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
];
const NOT_ADDRESSES = [
  '',
  'localhost',
  '127.1',
  '2130706433',
  '0x7f.1',
  '0177.0.0.1',
  '[::1]',
  '8.8.8',
];
const GLOBAL_ADDRESSES = [
  '1.1.1.1',
  '8.8.8.8',
  '100.63.255.255',
  '100.128.0.1',
  '172.32.0.1',
  '192.0.1.1',
  '198.17.255.255',
  '198.20.0.1',
  '223.255.255.254',
  '2606:4700:4700::1111',
  '2a00:1450:4001:82b::200e',
];

describe('isGlobalUnicast', () => {
  it.each(FORBIDDEN_ADDRESSES)('refuses the special address %s', (address) => {
    expect(isGlobalUnicast(address)).toBe(false);
  });

  it.each(NOT_ADDRESSES)('refuses %j, which is not an address in its usual form', (text) => {
    expect(isGlobalUnicast(text)).toBe(false);
  });

  it.each(GLOBAL_ADDRESSES)('accepts the public address %s', (address) => {
    expect(isGlobalUnicast(address)).toBe(true);
  });
});

describe('refuseLiteral', () => {
  it.each([
    'http://127.0.0.1',
    'http://127.1',
    'http://0',
    'http://0.0.0.0',
    'http://2130706433',
    'http://0x7f.1',
    'http://0177.0.0.1',
    'http://①②⑦.⓪.⓪.①',
    'http://127。0。0。1',
    'http://localhost',
    'http://LOCALHOST.',
    'http://foo.localhost',
    'http://foo.LocalHost.',
    'http://[::]',
    'http://[::1]',
    'http://[::ffff:127.0.0.1]',
    'http://[::127.0.0.1]',
    'http://[64:ff9b::7f00:1]',
    'http://[64:ff9b:1::7f00:1]',
    'http://[2002:7f00:1::]',
    'http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]',
    'http://[fec0::1]',
    'http://[fd00:ec2::254]',
    'http://169.254.169.254',
    'http://100.64.0.1',
    'http://192.0.0.192',
    'http://198.18.0.1',
    'http://224.0.0.1',
    'http://240.0.0.1',
    'http://255.255.255.255',
    'http://good@127.0.0.1',
    'http://127.0.0.1#@good',
    'http://127.0.0.1\\@good',
  ])('refuses %s, in whatever way it is written', (url) => {
    expect(() => refuseLiteral(new URL(url).hostname)).toThrow(ForbiddenTargetError);
  });

  it.each([
    'http://api.openai.com',
    'http://localhost.example',
    'http://8.8.8.8',
    'http://[2606:4700::1]',
  ])('lets %s pass, whose addresses are for the lookup to judge', (url) => {
    expect(() => refuseLiteral(new URL(url).hostname)).not.toThrow();
  });
});

describe('createGuardedLookup', () => {
  const v4 = (address: string): LookupAddress => ({ address, family: 4 });
  const v6 = (address: string): LookupAddress => ({ address, family: 6 });

  function lookupOver(...answers: LookupAddress[][]): {
    lookup: LookupFunction;
    asked: LookupAllOptions[];
  } {
    const asked: LookupAllOptions[] = [];
    const lookup = createGuardedLookup((_hostname, options, callback) => {
      const answer = answers[Math.min(asked.length, answers.length - 1)] ?? [];
      asked.push(options);
      callback(null, answer);
    });
    return { lookup, asked };
  }

  function resolve(lookup: LookupFunction, all: boolean): Promise<unknown> {
    return new Promise((done, fail) => {
      lookup('name.example', { all }, (error: Error | null, address, family) => {
        if (error) fail(error);
        else done(family === undefined ? address : { address, family });
      });
    });
  }

  it('answers all addresses, or the first one, as dns.lookup does', async () => {
    const { lookup, asked } = lookupOver([v4('8.8.8.8'), v6('2606:4700::1')]);
    expect(await resolve(lookup, true)).toEqual([v4('8.8.8.8'), v6('2606:4700::1')]);
    expect(await resolve(lookup, false)).toEqual(v4('8.8.8.8'));
    expect(asked.map(({ all }) => all)).toEqual([true, true]);
  });

  it.each([
    ['one private address', [v4('10.0.0.1')]],
    ['a public A and a private AAAA', [v4('8.8.8.8'), v6('::1')]],
    [
      'a private address after two hundred public ones',
      [...Array<LookupAddress>(200).fill(v4('8.8.8.8')), v4('127.0.0.1')],
    ],
    ['no address at all', []],
  ])('refuses a name with %s', async (_, addresses) => {
    const { lookup } = lookupOver(addresses);
    await expect(resolve(lookup, true)).rejects.toThrow(ForbiddenTargetError);
    await expect(resolve(lookup, false)).rejects.toThrow(ForbiddenTargetError);
  });

  it('judges every resolution anew, so a rebinding name is refused the second time', async () => {
    const { lookup } = lookupOver([v4('8.8.8.8')], [v4('127.0.0.1')]);
    await expect(resolve(lookup, false)).resolves.toEqual(v4('8.8.8.8'));
    await expect(resolve(lookup, false)).rejects.toThrow(ForbiddenTargetError);
  });

  it('hands on the error of the resolver', async () => {
    const lookup = createGuardedLookup((_hostname, _options, callback) =>
      callback(Object.assign(new Error('not found'), { code: 'ENOTFOUND' })),
    );
    await expect(resolve(lookup, true)).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it('makes net.connect fail before a private listener sees a connection', async () => {
    let connections = 0;
    const canary = createServer(() => connections++);
    await new Promise<void>((done) => canary.listen(0, '127.0.0.1', done));
    const { port } = canary.address() as AddressInfo;
    const { lookup } = lookupOver([v4('127.0.0.1')]);
    try {
      const error = await new Promise((done) => {
        connect({ host: 'rebound.example', port, lookup }).on('error', done);
      });
      expect(error).toBeInstanceOf(ForbiddenTargetError);
      expect(connections).toBe(0);
    } finally {
      canary.close();
    }
  });
});
