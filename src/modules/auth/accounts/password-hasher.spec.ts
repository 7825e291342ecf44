import type * as Argon2 from '@node-rs/argon2';
import { describe, expect, it, vi } from 'vitest';

import { AppError } from '#common/errors/app-error.js';
import { Secret } from '#common/secret/secret.js';

const native = vi.hoisted(() => ({
  running: 0,
  most: 0,
  /** `null`: as it is. */
  gate: null as Promise<void> | null,
}));
vi.mock('@node-rs/argon2', async (original) => {
  const real = await original<typeof Argon2>();
  const counted = async <T>(work: () => Promise<T>): Promise<T> => {
    native.most = Math.max(native.most, ++native.running);
    await native.gate;
    try {
      return await work();
    } finally {
      native.running--;
    }
  };
  return {
    hash: (...sent: Parameters<typeof real.hash>) => counted(() => real.hash(...sent)),
    verify: (...sent: Parameters<typeof real.verify>) => counted(() => real.verify(...sent)),
  };
});

const { PasswordHasher } = await import('./password-hasher.js');

describe('PasswordHasher', () => {
  it('stores by Argon2id with the parameters that OWASP asks for, each time another text', async () => {
    const hasher = new PasswordHasher();
    const password = new Secret('correct horse battery');
    const [one, other] = await Promise.all([hasher.hash(password), hasher.hash(password)]);
    expect(one.reveal()).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(other.reveal()).not.toBe(one.reveal());
    expect(await hasher.verify(one, password)).toBe(true);
    expect(await hasher.verify(one, new Secret('correct horse batterz'))).toBe(false);
    expect(hasher.isOutdated(one)).toBe(false);
    expect(hasher.isOutdated(new Secret(one.reveal().replace('t=2', 't=1')))).toBe(true);
  });

  it('takes a password however its characters are composed', async () => {
    const hasher = new PasswordHasher();
    const stored = await hasher.hash(new Secret('caf\u00e9 au lait'));
    expect(await hasher.verify(stored, new Secret('cafe\u0301 au lait'))).toBe(true);
  });

  it('hashes where nobody has a password as well, and says no', async () => {
    const before = native.most;
    native.most = 0;
    expect(await new PasswordHasher().verify(null, new Secret('anything'))).toBe(false);
    expect(native.most).toBe(1);
    native.most = before;
  });

  it('works on two at a time, lets others wait, and refuses those who would wait too long', async () => {
    const hasher = new PasswordHasher();
    let open = (): void => undefined;
    native.gate = new Promise((resolve) => (open = resolve));
    native.most = 0;
    const asked = Array.from({ length: 2 + 64 + 3 }, () =>
      hasher.verify(null, new Secret('anything')).catch((error: unknown) => error),
    );
    open();
    const answers = await Promise.all(asked);
    native.gate = null;
    expect(native.most).toBe(2);
    const refused = answers.filter((answer) => answer instanceof AppError);
    expect(refused.map(({ code }) => code)).toEqual(Array(3).fill('service_unavailable'));
    expect(answers.filter((answer) => answer === false)).toHaveLength(66);
    // And no turn is lost.
    expect(await hasher.verify(null, new Secret('anything'))).toBe(false);
  });
});
