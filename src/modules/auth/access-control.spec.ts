import type { IncomingMessage, ServerResponse } from 'node:http';
import { beforeEach, describe, expect, it } from 'vitest';

import { scopeMask } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import {
  KeyDirectory,
  type KeyView,
  type PresentedKey,
  type SecretUses,
} from '#modules/keys/index.js';
import type { Config } from '#platform/config/env.js';
import type { EndpointMetadata } from '#platform/http/endpoint.decorator.js';
import type { HotRoutes } from '#platform/http/hot-routes.js';

import { MemoryThrottleStore, throttlesOn } from '../../../test/support/throttles.js';
import { AccessControl } from './access-control.js';
import { FailedAttempts, MAX_FAILURES_PER_MINUTE } from './failed-attempts.js';
import { RequestClients } from './request-client.js';
import type { WatchedUses } from './watched-uses.js';
import type { RequestSignatures, UsableSignature } from './signing/request-signatures.js';

const NOW = 1_700_000_000_000;
class FixedClock extends Clock {
  override now(): number {
    return NOW;
  }
}

class FakeDirectory extends KeyDirectory {
  answer: KeyView | null | Promise<KeyView | null> = null;
  readonly asked: PresentedKey[] = [];
  override find(presented: PresentedKey): KeyView | null | Promise<KeyView | null> {
    this.asked.push(presented);
    return this.answer;
  }
  override current(view: KeyView): KeyView {
    return view;
  }
  override remember(): void {
    throw new Error('Nothing but keys is presented here.');
  }
  override findBySecretId(): Promise<KeyView | null> {
    return Promise.resolve(null);
  }
}

const ACTIVE = {
  keyId: 'key_1',
  secretId: 'sec_1',
  retirement: null,
  organizationId: 'org_1',
  scopeMask: scopeMask(['inference', 'keys:read']),
  disabledUntil: -Infinity,
  isReadOnly: false,
  brokenRule: null,
  awaitsApproval: false,
  role: null,
  expiresAt: Infinity,
  revokedAt: Infinity,
  allowsModel: () => true,
  rules: [],
  signing: null,
} as unknown as KeyView;
const INFERENCE: EndpointMetadata = { scope: 'inference', kind: 'inference' };

let keys: FakeDirectory;
let access: AccessControl;
/** What is found of a request’s signature. */
let verify: () => UsableSignature;
beforeEach(() => {
  keys = new FakeDirectory();
  const clock = new FixedClock();
  const config = {
    http: { trustedProxies: ['10.0.0.1'], countryHeader: 'x-country' },
  } as unknown as Config;
  const hotRoutes = {
    guardWith: () => undefined,
    tellRefused: () => undefined,
  } as unknown as HotRoutes;
  const uses = { note: (secretId: string) => noted.push(secretId) } as unknown as SecretUses;
  noted.length = 0;
  answered.clear();
  const watched = { note: () => undefined } as unknown as WatchedUses;
  const clients = new RequestClients({ countryOf: () => null }, uses, watched, config);
  const signatures = { verify: () => verify() } as unknown as RequestSignatures;
  verify = () => {
    throw new AppError('signature_required');
  };
  const failures = new FailedAttempts(throttlesOn(new MemoryThrottleStore(clock), clock));
  access = new AccessControl(keys, failures, clock, hotRoutes, clients, signatures);
});

/** The secrets whose use was noted. */
const noted: string[] = [];
const answered = new Map<string, string>();
const response = {
  setHeader: (name: string, value: string) => answered.set(name, value),
} as unknown as ServerResponse;

const ask = (asked: IncomingMessage, endpoint: EndpointMetadata) =>
  access.admit(asked, response, endpoint);

function request(authorization?: string, forwardedFor?: string, peer = '10.0.0.1') {
  return {
    headers: {
      ...(authorization !== undefined && { authorization }),
      ...(forwardedFor !== undefined && { 'x-forwarded-for': forwardedFor }),
    },
    rawHeaders: [],
    socket: { remoteAddress: peer },
  } as unknown as IncomingMessage;
}

async function codeOf(call: () => unknown): Promise<string | null> {
  try {
    await call();
    return null;
  } catch (error) {
    return (error as AppError).code;
  }
}

describe('AccessControl', () => {
  it('answers at once for a key that is known, without a turn of the event loop', () => {
    keys.answer = ACTIVE;
    expect(ask(request('Bearer x'), INFERENCE)).toBe(ACTIVE);
  });

  it('waits for a key that must be looked up', async () => {
    keys.answer = Promise.resolve(ACTIVE);
    const admitted = ask(request('Bearer x'), INFERENCE);
    expect(admitted).toBeInstanceOf(Promise);
    expect(await admitted).toBe(ACTIVE);
  });

  it.each([
    ['revoked', { revokedAt: NOW }, 'revoked_api_key'],
    ['revoked later', { revokedAt: NOW + 1 }, null],
    ['expired', { expiresAt: NOW }, 'expired_api_key'],
    ['expiring later', { expiresAt: NOW + 1 }, null],
    ['disabled', { disabledUntil: Infinity }, 'key_disabled'],
    ['read-only', { isReadOnly: true }, 'read_only_key'],
    ['without the scope', { scopeMask: scopeMask(['keys:read']) }, 'insufficient_scope'],
    ['without any scope', { scopeMask: 0 }, 'insufficient_scope'],
  ])('a key that is %s, known or looked up', async (_, change, code) => {
    const view = { ...ACTIVE, ...change };
    for (const answer of [view, Promise.resolve(view)]) {
      keys.answer = answer;
      expect(await codeOf(() => ask(request('Bearer x'), INFERENCE))).toBe(code);
    }
  });

  it.each([
    [{ allowsReadOnlyKeys: true }, null],
    [{}, 'read_only_key'],
  ])('a read-only key on a route with %j: %j', async (allowance, code) => {
    keys.answer = { ...ACTIVE, isReadOnly: true };
    const endpoint: EndpointMetadata = { scope: 'keys:read', ...allowance };
    expect(await codeOf(() => ask(request('Bearer x'), endpoint))).toBe(code);
  });

  describe('a key that restricts who calls', () => {
    const OTHER = { ...ACTIVE };
    const headers = {
      authorization: 'Bearer x',
      'user-agent': 'a',
      origin: 'https://a',
      referer: 'https://a/',
      'x-forwarded-for': '192.0.2.1',
      'x-forwarded-proto': 'https',
      'x-country': 'DE',
    };
    const seen: (string | null | undefined)[] = [];
    const looking = (view: KeyView): KeyView => ({
      ...view,
      restrictsClient: true,
      rules: [
        {
          name: 'ip',
          code: 'ip_not_allowed',
          isOfClient: true,
          denies: ({ client }) => {
            if (client) seen.push(client.userAgent);
            return client?.userAgent === 'evil';
          },
        },
      ],
    });
    const views = [looking(ACTIVE), looking(OTHER)] as const;
    const socket = { remoteAddress: '10.0.0.1' };
    const admit = (change: Record<string, string> = {}, on: object = socket): Promise<unknown> =>
      codeOf(() =>
        ask(
          {
            headers: { ...headers, ...change },
            rawHeaders: [],
            socket: on,
          } as unknown as IncomingMessage,
          INFERENCE,
        ),
      );
    beforeEach(() => {
      seen.length = 0;
      [keys.answer] = views;
    });

    it('looks at a client of a connection once, as long as nothing changes', async () => {
      for (let calls = 0; calls < 3; calls++) expect(await admit()).toBeNull();
      expect(seen).toEqual(['a']);
    });

    it.each(Object.keys(headers).slice(1))('looks again at another %s', async (name) => {
      await admit();
      await admit({ [name]: '192.0.2.2' });
      await admit();
      expect(seen).toHaveLength(3);
    });

    it('looks again at another connection, and for another key or a key that has changed', async () => {
      await admit();
      await admit({}, { remoteAddress: '10.0.0.1' });
      [, keys.answer] = views;
      await admit();
      expect(seen).toHaveLength(3);
    });

    it('never remembers whom it has refused', async () => {
      const evil = { 'user-agent': 'evil' };
      for (let calls = 0; calls < 2; calls++) expect(await admit(evil)).toBe('ip_not_allowed');
      await admit();
      expect(await admit(evil)).toBe('ip_not_allowed');
      expect(seen).toEqual(['evil', 'evil', 'a', 'evil']);
    });
  });

  it('asks for no scope where any key will do', async () => {
    keys.answer = { ...ACTIVE, scopeMask: 0 };
    const endpoint: EndpointMetadata = { scope: 'authenticated' };
    expect(await codeOf(() => ask(request('Bearer x'), endpoint))).toBeNull();
  });

  it('goes by the key of each request, also on a connection that has presented another one', async () => {
    keys.answer = ACTIVE;
    const { socket } = request();
    for (const token of ['aaaa', 'aaaa', 'aaab', 'aaaa', 'aaaaa', 'aaaa']) {
      await ask({ ...request(`Bearer ${token}`), socket } as IncomingMessage, INFERENCE);
    }
    const presented = keys.asked.map((key) => key.reveal());
    expect(presented).toEqual(['aaaa', 'aaaa', 'aaab', 'aaaa', 'aaaaa', 'aaaa']);
    const [first, again, other] = keys.asked.map(({ fingerprint }) => fingerprint);
    expect(first).toBe(again);
    expect(first).not.toBe(other);
  });

  it('refuses a second header also on a connection whose key is known', async () => {
    keys.answer = ACTIVE;
    const { socket } = request();
    await ask({ ...request('Bearer aaaa'), socket } as IncomingMessage, INFERENCE);
    const rawHeaders = ['Authorization', 'Bearer aaaa', 'authorization', 'Bearer bbbb'];
    const doubled = { ...request('Bearer aaaa'), socket, rawHeaders } as IncomingMessage;
    expect(await codeOf(() => ask(doubled, INFERENCE))).toBe('invalid_request');
  });

  it('names the scope that is missing', () => {
    keys.answer = ACTIVE;
    expect(() => ask(request('Bearer x'), { scope: 'keys:write' })).toThrow(
      expect.objectContaining({ details: { scope: 'keys:write' } }) as AppError,
    );
  });

  it.each([
    ['no key', undefined],
    ['nonsense', 'nonsense'],
    ['an unknown key', 'Bearer x'],
  ])('counts %s against the address', async (_, authorization) => {
    const fail = (address: string): Promise<string | null> =>
      codeOf(() => ask(request(authorization, address), INFERENCE));
    for (let i = 0; i < MAX_FAILURES_PER_MINUTE; i++) {
      keys.answer = i % 2 === 0 ? null : Promise.resolve(null);
      expect(await fail('192.0.2.1')).toMatch(/_api_key$/);
    }
    expect(await fail('192.0.2.1')).toBe('rate_limit_exceeded');
    expect(await fail('192.0.2.2')).toMatch(/_api_key$/);
    keys.answer = ACTIVE;
    const good = codeOf(() => ask(request('Bearer x', '192.0.2.1'), INFERENCE));
    expect(await good).toBeNull();
  });

  it('counts refusals of a right key against nobody', async () => {
    keys.answer = { ...ACTIVE, disabledUntil: Infinity };
    for (let i = 0; i <= MAX_FAILURES_PER_MINUTE; i++) {
      expect(await codeOf(() => ask(request('Bearer x'), INFERENCE))).toBe('key_disabled');
    }
  });

  it('does not believe what a stranger says of its address', async () => {
    for (let i = 0; i <= MAX_FAILURES_PER_MINUTE; i++) {
      const stranger = request(undefined, `192.0.2.${i}`, '198.51.100.9');
      const code = await codeOf(() => ask(stranger, INFERENCE));
      expect(code).toBe(i < MAX_FAILURES_PER_MINUTE ? 'missing_api_key' : 'rate_limit_exceeded');
    }
  });

  it('passes on that the keys can’t be read, and counts it against nobody', async () => {
    for (let i = 0; i <= MAX_FAILURES_PER_MINUTE; i++) {
      keys.answer = Promise.reject(new Error('no database'));
      await expect(ask(request('Bearer x'), INFERENCE)).rejects.toThrow('no database');
    }
  });

  describe('of a secret', () => {
    const retirement = [['sunset', 'soon']] as const;

    it('notes the use where it is let in', async () => {
      keys.answer = ACTIVE;
      await codeOf(() => ask(request('Bearer x'), INFERENCE));
      await codeOf(() => ask(request('Bearer x'), { scope: 'keys:write' }));
      keys.answer = null;
      await codeOf(() => ask(request('Bearer x'), INFERENCE));
      expect(noted).toEqual(['sec_1']);
    });

    it.each([
      ['let in', {}, null],
      ['refused', { disabledUntil: Infinity }, 'key_disabled'],
      ['over', { expiresAt: NOW }, 'expired_api_key'],
    ])('that was replaced tells so where it is %s', async (_, change, code) => {
      keys.answer = { ...ACTIVE, ...change, retirement };
      expect(await codeOf(() => ask(request('Bearer x'), INFERENCE))).toBe(code);
      expect([...answered]).toEqual(retirement);
    });

    it('that is current sets nothing', async () => {
      keys.answer = ACTIVE;
      await codeOf(() => ask(request('Bearer x'), INFERENCE));
      expect(answered.size).toBe(0);
    });
  });

  describe('of a key that must sign', () => {
    const SIGNS = { ...ACTIVE, signing: { key: null, maxAgeMs: null, requiresNonce: true } };
    let used: number;
    beforeEach(() => {
      keys.answer = SIGNS;
      used = 0;
    });
    const signed = (): UsableSignature => ({
      use: () => {
        used++;
        return Promise.resolve();
      },
    });

    it.each([
      ['revoked', { revokedAt: NOW }, 'revoked_api_key'],
      ['expired', { expiresAt: NOW }, 'expired_api_key'],
      ['disabled', { disabledUntil: Infinity }, 'key_disabled'],
      ['read-only', { isReadOnly: true }, 'signature_required'],
      ['without the scope', { scopeMask: 0 }, 'signature_required'],
    ])('who does not sign is told whether it can be used, and no more: %s', async (...row) => {
      const [, change, code] = row;
      keys.answer = { ...SIGNS, ...change };
      expect(await codeOf(() => ask(request('Bearer x'), INFERENCE))).toBe(code);
    });

    it('the nonce is used up by what is allowed, and by nothing that is refused', async () => {
      verify = signed;
      expect(await ask(request('Bearer x'), INFERENCE)).toBe(SIGNS);
      expect(used).toBe(1);
      keys.answer = { ...SIGNS, scopeMask: 0 };
      const code = await codeOf(() => ask(request('Bearer x'), INFERENCE));
      expect([code, used]).toEqual(['insufficient_scope', 1]);
    });

    it('waits for the nonce, and passes its refusal on', async () => {
      verify = () => ({ use: () => Promise.reject(new AppError('nonce_replayed')) });
      expect(await codeOf(() => ask(request('Bearer x'), INFERENCE))).toBe('nonce_replayed');
      expect(noted).toEqual([]);
    });

    it('is answered at once where no nonce is required', () => {
      verify = () => ({ use: null });
      expect(ask(request('Bearer x'), INFERENCE)).toBe(SIGNS);
    });
  });
});
