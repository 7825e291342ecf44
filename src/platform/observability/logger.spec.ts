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
