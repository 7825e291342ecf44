import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';

import { Secret } from '#common/secret/secret.js';

import { signWebhook } from './webhook-signature.js';

function newSecret(bytes: Uint8Array): string {
  return `whsec_${Buffer.from(bytes).toString('base64')}`;
}

describe('signWebhook', () => {
  it('signs as the specification’s example is signed', () => {
    const secret = new Secret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    const content = {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestamp: 1_614_265_330,
      body: '{"test": 2432232314}',
    };
    expect(signWebhook([secret], content)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  const KEY = fc.uint8Array({ minLength: 24, maxLength: 64 });

  it('is verified by the reference library with each of its secrets, and with no other', () => {
    fc.assert(
      fc.property(
        fc.tuple(KEY, KEY, KEY).filter((keys) => new Set(keys.map(newSecret)).size === 3),
        fc.jsonValue(),
        (keys, data) => {
          const [current = '', old = '', other = ''] = keys.map(newSecret);
          const body = JSON.stringify({ data });
          const timestamp = Math.floor(Date.now() / 1_000);
          const content = { id: 'msg_4fTqV0mZx1sLwq8nE2bYcA', timestamp, body };
          const headers = {
            'webhook-id': content.id,
            'webhook-timestamp': String(timestamp),
            'webhook-signature': signWebhook([new Secret(current), new Secret(old)], content),
          };
          expect(new Webhook(current).verify(body, headers)).toEqual(JSON.parse(body));
          expect(new Webhook(old).verify(body, headers)).toEqual(JSON.parse(body));
          expect(() => new Webhook(other).verify(body, headers)).toThrow('No matching signature');
          expect(() => new Webhook(current).verify(`${body} `, headers)).toThrow();
        },
      ),
    );
  });
});
