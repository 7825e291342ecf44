import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it } from 'vitest';

import { ClientAddress } from './client-address.js';
import { ClientFacts } from './client-facts.js';

const PROXIES = ['10.0.0.0/8', '127.0.0.1', '2001:db8:aaaa::/48'];
const PROXY = '10.0.0.1';
const STRANGER = '198.51.100.66';
const CLIENT = '203.0.113.7';
const COUNTRY_HEADER = 'cf-ipcountry';

type Peer = string | undefined;
type Headers = Readonly<Record<string, string | string[]>>;

function requestOf(remoteAddress: Peer, headers: Headers = {}, socket: object = {}) {
  return { headers, socket: { remoteAddress, ...socket } } as unknown as IncomingMessage;
}

const facts = new ClientFacts(PROXIES, COUNTRY_HEADER);
const xff = (value: string): Headers => ({ 'x-forwarded-for': value });

describe('addressOf', () => {
  it.each<[what: string, peer: Peer, headers: Headers, address: string]>([
    ['a stranger', STRANGER, {}, STRANGER],
    ['a stranger over IPv6', '2001:db8::66', {}, '2001:db8::66'],
    ['a stranger on a socket of both families', `::ffff:${STRANGER}`, {}, STRANGER],
    ['a neighbour with a zone', 'fe80::1%eth0', {}, 'fe80::1'],
    ['a connection that is gone', undefined, {}, ''],
    ['a connection that is gone, with a header', undefined, xff(CLIENT), ''],
    ['a stranger who claims another address', STRANGER, xff(CLIENT), STRANGER],
    ['a stranger who claims to be the proxy', STRANGER, xff(PROXY), STRANGER],
    ['a stranger on IPv6 who claims one', '2001:db8::66', xff(CLIENT), '2001:db8::66'],
    ['a stranger whose text merely contains a proxy', `::ffff:${STRANGER}`, xff(PROXY), STRANGER],
    ['a trusted proxy by itself', PROXY, {}, PROXY],
    ['a trusted proxy, empty header', PROXY, xff(''), PROXY],
    ['a trusted proxy, blank header', PROXY, xff(' \t'), PROXY],
    ['a trusted proxy, only commas', PROXY, xff(', ,\t,'), PROXY],
    ['one client', PROXY, xff(CLIENT), CLIENT],
    ['a proxy on a socket of both families', `::ffff:${PROXY}`, xff(CLIENT), CLIENT],
    ['a proxy on IPv6', '2001:db8:aaaa::1', xff(CLIENT), CLIENT],
    ['a proxy that is trusted by its address alone', '127.0.0.1', xff(CLIENT), CLIENT],
    ['its neighbour', '127.0.0.2', xff(CLIENT), '127.0.0.2'],
    ['a client behind two proxies', PROXY, xff(`${CLIENT}, 10.0.0.2`), CLIENT],
    ['a claim left of the client', PROXY, xff(`1.1.1.1, ${CLIENT}`), CLIENT],
    ['a claim to be a proxy left of the client', PROXY, xff(`10.9.9.9, ${CLIENT}`), CLIENT],
    ['a claim, the client, a proxy', PROXY, xff(`1.1.1.1, ${CLIENT}, 10.0.0.2`), CLIENT],
    ['nothing but proxies', PROXY, xff('10.0.0.3, 10.0.0.2'), '10.0.0.3'],
    // Node joins the values of headers of one name.
    ['two headers, the first the client’s own', PROXY, xff(`1.1.1.1, ${CLIENT}`), CLIENT],
    ['no blanks', PROXY, xff(`1.1.1.1,${CLIENT}`), CLIENT],
    ['tabs', PROXY, xff(`1.1.1.1\t,\t${CLIENT}\t`), CLIENT],
    ['blanks around the only one', PROXY, xff(` \t${CLIENT} `), CLIENT],
    ['empty items at the end', PROXY, xff(`1.1.1.1, ${CLIENT}, ,`), CLIENT],
    ['empty items between', PROXY, xff(`1.1.1.1,, ${CLIENT},,10.0.0.2`), CLIENT],
    ['IPv4 with a port', PROXY, xff(`${CLIENT}:51234`), CLIENT],
    ['a proxy with a port', PROXY, xff(`${CLIENT}, 10.0.0.2:443`), CLIENT],
    ['IPv6', PROXY, xff('2001:db8::7'), '2001:db8::7'],
    ['IPv6 in brackets', PROXY, xff('[2001:db8::7]'), '2001:db8::7'],
    ['IPv6 in brackets with a port', PROXY, xff('[2001:db8::7]:51234'), '2001:db8::7'],
    ['a proxy in brackets', PROXY, xff(`${CLIENT}, [2001:db8:aaaa::2]:443`), CLIENT],
    ['IPv6 written otherwise', PROXY, xff('2001:DB8:0:0:0:0:0:7'), '2001:db8::7'],
    ['IPv6 with a zone', PROXY, xff('fe80::7%eth0'), 'fe80::7'],
    ['mapped', PROXY, xff(`::ffff:${CLIENT}`), CLIENT],
    ['mapped, in hexadecimal', PROXY, xff('::ffff:cb00:7107'), CLIENT],
    ['mapped, in brackets', PROXY, xff(`[::FFFF:${CLIENT}]:1`), CLIENT],
    ['a mapped proxy', PROXY, xff(`${CLIENT}, ::ffff:10.0.0.2`), CLIENT],
    ['who is not known', PROXY, xff('unknown'), ''],
    ['a name that hides the client', PROXY, xff('_hidden'), ''],
    ['a proxy as IPv4-compatible', PROXY, xff(`${CLIENT}, ::10.0.0.2`), '::a00:2'],
    ['a name right of an address', PROXY, xff(`${CLIENT}, unknown`), ''],
    ['words', PROXY, xff('203.0.113.7 or so'), ''],
    ['a CIDR', PROXY, xff(`${CLIENT}/32`), ''],
    ['too few numbers', PROXY, xff('203.7'), ''],
    // Some readers take these for 10.0.0.1, which is trusted.
    ['too few numbers of a proxy', PROXY, xff(`${CLIENT}, 10.1`), ''],
    ['a proxy in octal', PROXY, xff(`${CLIENT}, 012.0.0.1`), ''],
    ['a proxy as one number', PROXY, xff(`${CLIENT}, 167772161`), ''],
    ['a port that is none', PROXY, xff(`${CLIENT}:http`), ''],
    ['a port that is too long', PROXY, xff(`${CLIENT}:123456`), ''],
    ['a bracket that is not closed', PROXY, xff('[2001:db8::7'), ''],
    ['IPv4 in brackets', PROXY, xff(`[${CLIENT}]`), CLIENT],
    ['one long item', PROXY, xff('1'.repeat(16_000)), ''],
    ['a header with an underscore', PROXY, { x_forwarded_for: CLIENT }, PROXY],
    ['the same from a stranger', STRANGER, { x_forwarded_for: CLIENT }, STRANGER],
    ['headers that others use', PROXY, { 'x-real-ip': CLIENT, forwarded: `for=${CLIENT}` }, PROXY],
  ])('%s', (_, peer, headers, address) => {
    expect(facts.addressOf(requestOf(peer, headers))).toBe(address);
  });

  it('looks at no header without trusted proxies', () => {
    const headers = new Proxy<Headers>(xff(CLIENT), {
      get: (_, name) => {
        throw new Error(`${String(name)} was looked at`);
      },
    });
    const alone = new ClientFacts([], COUNTRY_HEADER);
    for (const peer of [STRANGER, '127.0.0.1', '::1', PROXY]) {
      const request = requestOf(peer, headers);
      expect(alone.addressOf(request)).toBe(peer);
      expect(alone.isHttps(request)).toBe(false);
      expect(alone.countryHeaderOf(request)).toBeNull();
    }
  });

  it.each([
    ['of strangers', Array<string>(10_000).fill('1.1.1.1'), '1.1.1.1'],
    ['of proxies, which would each be judged', Array<string>(10_000).fill('10.0.0.2'), '10.0.0.2'],
    [
      'of proxies, and one client at the far end',
      ['1.1.1.1', ...Array<string>(9_999).fill('10.0.0.2')],
      '10.0.0.2',
    ],
    ['that are empty', Array<string>(10_000).fill(''), PROXY],
    ['that are nothing', Array<string>(10_000).fill('x'), ''],
    ['with ports', Array<string>(10_000).fill('[2001:db8:aaaa::1]:1'), '2001:db8:aaaa::1'],
  ])('10,000 items %s', (_, items, address) => {
    const request = requestOf(PROXY, xff(items.join(',')));
    const fresh = new ClientFacts(PROXIES, null);
    const startedAt = performance.now();
    for (let i = 0; i < 10; i++) expect(fresh.addressOf(request)).toBe(address);
    // About 1 ms; judging every item takes 25 ms, and 120 ms for IPv6. Node lets no more than 16 KiB of headers in.
    expect((performance.now() - startedAt) / 10).toBeLessThan(10);
  });

  it('follows 32 hops, and no more', () => {
    const chain = (proxies: number) =>
      requestOf(PROXY, xff([CLIENT, ...Array<string>(proxies).fill('10.0.0.2')].join(', ')));
    expect(facts.addressOf(chain(31))).toBe(CLIENT);
    expect(facts.addressOf(chain(32))).toBe('10.0.0.2');
  });

  it('judges the peer of each connection by itself', () => {
    for (let i = 0; i < 2; i++) {
      expect(facts.addressOf(requestOf(PROXY, xff(CLIENT)))).toBe(CLIENT);
      expect(facts.addressOf(requestOf(STRANGER, xff(CLIENT)))).toBe(STRANGER);
    }
    const proxy = requestOf(PROXY, xff(CLIENT));
    const later = { ...proxy, headers: xff('203.0.113.8') } as IncomingMessage;
    expect([facts.addressOf(proxy), facts.addressOf(later)]).toEqual([CLIENT, '203.0.113.8']);
  });

  it('is what ClientAddress tells', () => {
    const request = requestOf(PROXY, xff(`1.1.1.1, ${CLIENT}:1`));
    expect(new ClientAddress(PROXIES).of(request)).toBe(facts.addressOf(request));
  });
});

describe('isHttps', () => {
  const proto = (value: string | string[]): Headers => ({ 'x-forwarded-proto': value });
  const TLS = { encrypted: true };

  it.each<[what: string, peer: Peer, headers: Headers, socket: object, isHttps: boolean]>([
    ['TLS to this process', STRANGER, {}, TLS, true],
    ['TLS, whatever a stranger says', STRANGER, proto('http'), TLS, true],
    ['TLS from a proxy', PROXY, proto('http'), TLS, true],
    ['plain', STRANGER, {}, {}, false],
    ['plain from this machine', '127.0.0.1', {}, {}, false],
    ['plain from this machine over IPv6', '::1', proto('https'), {}, false],
    ['a stranger who claims it', STRANGER, proto('https'), {}, false],
    [
      'a stranger who claims to come from a proxy',
      STRANGER,
      { ...proto('https'), ...xff(PROXY) },
      {},
      false,
    ],
    ['a connection that is gone', undefined, proto('https'), {}, false],
    ['a proxy that says nothing', PROXY, {}, {}, false],
    ['a proxy that says so', PROXY, proto('https'), {}, true],
    ['a mapped proxy that says so', `::ffff:${PROXY}`, proto('https'), {}, true],
    ['capitals', PROXY, proto('HTTPS'), {}, true],
    ['blanks around', PROXY, proto(' https\t'), {}, true],
    ['a proxy that says http', PROXY, proto('http'), {}, false],
    ['several values', PROXY, proto('https, http'), {}, false],
    ['several values, the last of them', PROXY, proto('http, https'), {}, false],
    ['several equal values', PROXY, proto('https,https'), {}, false],
    ['several values as Node never gives them', PROXY, proto(['https']), {}, false],
    ['an empty value', PROXY, proto(''), {}, false],
    ['a longer value', PROXY, proto('https://'), {}, false],
    ['another scheme', PROXY, proto('wss'), {}, false],
    ['a header with underscores', PROXY, { x_forwarded_proto: 'https' }, {}, false],
    [
      'headers that others use',
      PROXY,
      { 'x-forwarded-ssl': 'on', forwarded: 'proto=https' },
      {},
      false,
    ],
    ['a socket that only says it is not', PROXY, {}, { encrypted: false }, false],
  ])('%s', (_, peer, headers, socket, isHttps) => {
    expect(facts.isHttps(requestOf(peer, headers, socket))).toBe(isHttps);
  });
});

describe('countryHeaderOf', () => {
  const country = (value: string | string[]): Headers => ({ [COUNTRY_HEADER]: value });

  it.each<[what: string, peer: Peer, headers: Headers, country: string | null]>([
    ['a proxy names one', PROXY, country('DE'), 'DE'],
    ['a mapped proxy names one', `::ffff:${PROXY}`, country('DE'), 'DE'],
    ['in small letters', PROXY, country('de'), 'DE'],
    ['also of a client further away', PROXY, { ...country('DE'), ...xff(CLIENT) }, 'DE'],
    ['a stranger names one', STRANGER, country('DE'), null],
    [
      'a stranger, and claims to come from a proxy',
      STRANGER,
      { ...country('DE'), ...xff(PROXY) },
      null,
    ],
    ['this machine, which is not trusted for that', '::1', country('DE'), null],
    ['a connection that is gone', undefined, country('DE'), null],
    ['none', PROXY, {}, null],
    ['empty', PROXY, country(''), null],
    ['not known', PROXY, country('XX'), null],
    ['Tor', PROXY, country('T1'), null],
    ['two headers', PROXY, country('DE, FR'), null],
    ['two headers of one country', PROXY, country('DE, DE'), null],
    ['a list', PROXY, country(['DE']), null],
    ['three letters', PROXY, country('DEU'), null],
    ['one letter', PROXY, country('D'), null],
    ['letters of another script', PROXY, country('ДЕ'), null],
    ['a header with underscores', PROXY, { cf_ipcountry: 'DE' }, null],
  ])('%s', (_, peer, headers, expected) => {
    expect(facts.countryHeaderOf(requestOf(peer, headers))).toBe(expected);
  });

  it.each([null, 'x-country', '__proto__', 'constructor', 'set-cookie'])(
    'is none where the header is called %s',
    (name) => {
      const request = requestOf(PROXY, { ...country('DE'), 'set-cookie': ['DE'] });
      expect(new ClientFacts(PROXIES, name).countryHeaderOf(request)).toBeNull();
    },
  );
});

describe('a request as Node reads it', () => {
  it('has headers of one name in order, and those with underscores apart', async () => {
    const told: unknown[] = [];
    const server = createServer((request, response) => {
      told.push(facts.addressOf(request), facts.isHttps(request), facts.countryHeaderOf(request));
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const lines = [
      'GET / HTTP/1.1',
      'host: a',
      'connection: close',
      'X-Forwarded-For: 1.1.1.1',
      `X-FORWARDED-FOR: \t${CLIENT}:80 , 10.0.0.2`,
      'X_Forwarded_For: 8.8.8.8',
      'X-Forwarded-Proto: https',
      'CF-IPCountry: de',
    ];
    socket.end(`${lines.join('\r\n')}\r\n\r\n`);
    await new Promise((resolve) => socket.resume().on('close', resolve));
    await new Promise((resolve) => server.close(resolve));
    expect(told).toEqual([CLIENT, true, 'DE']);
  });
});
