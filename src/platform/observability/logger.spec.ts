import { describe, expect, it } from 'vitest';

import { createLogger } from './logger.js';

/** The line that is written for `error`, parsed. */
function loggedError(error: unknown): Record<string, unknown> {
  const lines: string[] = [];
  const logger = createLogger('info', { write: (line) => void lines.push(line) });
  logger.error({ err: error }, 'It failed');
  return (JSON.parse(lines[0] ?? '') as { err: Record<string, unknown> }).err;
}

describe('a logged error', () => {
  const driverError = Object.assign(new Error('duplicate key value'), {
    code: '23505',
    constraint: 'providers_name',
    detail: 'Key (name)=(secret) already exists.',
    client: { password: 'secret' },
  });
  const failed = Object.assign(new Error('duplicate key value', { cause: driverError }), {
    query: 'INSERT INTO providers VALUES ($1)',
    parameters: ['secret'],
    driverError,
  });

  it('says what failed and where, however deep the cause lies', () => {
    const { type, message, query, cause } = loggedError(failed);
    expect({ type, message, query }).toEqual({
      type: 'Error',
      message: 'duplicate key value',
      query: 'INSERT INTO providers VALUES ($1)',
    });
    expect(cause).toMatchObject({ code: '23505', constraint: 'providers_name' });
    expect((cause as { stack: string }).stack).toContain('logger.spec');
  });

  it('says nothing of what a statement was given or of what a library hangs on its errors', () => {
    const wrapped = new AggregateError([failed], 'all failed', { cause: failed });
    expect(JSON.stringify(loggedError(wrapped))).not.toContain('secret');
  });

  it('ends where causes go in a circle', () => {
    const first = new Error('first');
    const second = new Error('second', { cause: first });
    first.cause = second;
    expect(JSON.stringify(loggedError(first))).toContain('second');
  });

  it('stays one JSON object when a URL’s password is taken out of it', () => {
    const error = new Error('postgres://user:hunter2@host');
    const { message } = loggedError(error);
    expect(message).toBe('postgres://user:[redacted]@host');
    const apart = new Error('see http://host');
    expect(loggedError(Object.assign(apart, { code: 'x:y@z' })).code).toBe('x:y@z');
  });
});

describe('a secret in a log line', () => {
  const secrets = [
    `pr-live-${'a1B2'.repeat(8)}`,
    `acme2-test-${'z9Y8'.repeat(8)}`,
    `lks_${'a1B2'.repeat(6)}`,
    `lki_${'a1B2'.repeat(6)}`,
    `lkt_${'a1B2'.repeat(6)}`,
    `lkr_${'a1B2'.repeat(6)}`,
    `lsig_${'a1B2'.repeat(6)}`,
    `whsec_${'a1B2'.repeat(6)}`,
    `sk-proj-${'a1B2'.repeat(6)}`,
    `gsk_${'a1B2'.repeat(6)}`,
    `AIza${'a1B2'.repeat(6)}`,
    `hf_${'a1B2'.repeat(6)}`,
  ];
  const places: ((secret: string) => unknown)[] = [
    (secret) => secret,
    (secret) => `first line\n${secret}\nlast line`,
    (secret) => `\t${secret}`,
    (secret) => `secret_${secret}`,
    (secret) => `key=${secret}&x=1`,
    (secret) => `C:\\${secret}`,
    (secret) => `"${secret}"`,
    (secret) => JSON.stringify({ message: `upstream said:\n${secret}\u0001${secret}` }),
    (secret) => ({ deep: [{ inside: secret }] }),
    (secret) => ({ [secret]: 1 }),
  ];

  it.each(secrets)('is not written, wherever it stands: %s', (secret) => {
    for (const place of places) {
      const lines: string[] = [];
      const logger = createLogger('info', { write: (line) => void lines.push(line) });
      logger.info({ fact: place(secret) }, 'Something happened');
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(/\n$/);
      expect(JSON.parse(lines[0] ?? '')).toMatchObject({ msg: 'Something happened' });
      expect(lines[0]).not.toContain(secret.slice(-20));
    }
  });

  it('does not hide words that only end like the start of one', () => {
    const lines: string[] = [];
    createLogger('info', { write: (line) => void lines.push(line) }).info(
      'disk-usage-of-the-volume',
    );
    expect(lines[0]).toContain('disk-usage-of-the-volume');
  });
});
