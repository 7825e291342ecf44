import { inspect } from 'node:util';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';

import { Secret } from './secret.js';

const VALUE = 'hunter2-hunter2';

describe.each([
  ['a text', new Secret(VALUE)],
  ['bytes', new Secret(Buffer.from(VALUE))],
])('a secret of %s', (_, secret) => {
  it('is handed out by reveal only', () => {
    expect(secret.reveal().toString()).toBe(VALUE);
  });

  it.each([
    ['String', () => String(secret)],
    ['toString', () => secret.toString()],
    ['concatenation', () => ['', secret].join('')],
    ['JSON', () => JSON.stringify({ secret, list: [secret] })],
    ['inspect', () => inspect({ secret }, { depth: 9, showHidden: true, getters: true })],
    ['its own keys', () => JSON.stringify([Object.entries(secret), Reflect.ownKeys(secret)])],
    ['a copy', () => JSON.stringify({ ...secret })],
    [
      'an error’s message',
      () => new Error('x', { cause: secret }).message + inspect(new Error('x', { cause: secret })),
    ],
    [
      'a log line',
      () => {
        const lines: string[] = [];
        pino({}, { write: (line: string) => void lines.push(line) }).info({
          secret,
          deep: { secret },
        });
        return lines.join('');
      },
    ],
  ])('is not told by %s', (_name, print) => {
    expect(print()).not.toContain('hunter2');
    expect(print()).not.toContain(Buffer.from(VALUE).toString('base64'));
  });
});
