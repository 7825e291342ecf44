import { describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';

import { CHAT_COMPLETIONS } from '../surface.js';
import { parseInferenceRequest } from './inference-request.js';
import { requestedOutputTokens } from './output-tokens.js';

function tokensOf(members: string): number | null {
  const body = Buffer.from(`{"model":"m",${members}}`);
  return requestedOutputTokens(parseInferenceRequest(body, CHAT_COMPLETIONS));
}

describe('requestedOutputTokens', () => {
  it.each([
    ['"n":2', null],
    ['"max_tokens":null', null],
    ['"max_tokens":null,"max_completion_tokens":null', null],
    ['"max_tokens":1', 1],
    ['"max_tokens":1e3', 1_000],
    ['"max_tokens":5.0', 5],
    ['"max\\u005ftokens":7', 7],
    ['"max_tokens":2147483647', 2_147_483_647],
    ['"max_completion_tokens":9', 9],
    ['"max_tokens":null,"max_completion_tokens":9', 9],
    ['"max_tokens":5,"max_completion_tokens":null', 5],
    ['"max_tokens":5,"max_completion_tokens":9', 9],
    ['"max_tokens":9,"max_completion_tokens":5', 9],
    ['"max_tokens":9,"n":8', 9],
    ['"x":{"max_tokens":5}', null],
  ])('of %s is %s', (members, tokens) => {
    expect(tokensOf(members)).toBe(tokens);
  });

  it.each([
    ...['0', '-0', '-1', '1.5', '2147483648', '9007199254740993', '1e400', '1e-400'],
    ...['"5"', '""', 'true', 'false', '[5]', '[]', '{}'],
  ])('refuses %s, by either name', (value) => {
    for (const param of ['max_tokens', 'max_completion_tokens']) {
      const refusal = {
        code: 'invalid_request',
        param,
        message: /whole number from 1 to 2147483647/,
      };
      expect(() => tokensOf(`"${param}":${value}`)).toThrow(
        expect.objectContaining({
          ...refusal,
          message: expect.stringMatching(refusal.message) as string,
        }) as AppError,
      );
    }
  });

  it('refuses one of the two even when the other is right', () => {
    expect(() => tokensOf('"max_tokens":5,"max_completion_tokens":"5"')).toThrow(
      /^max_completion_tokens must be/,
    );
  });

  it.each(['Max_Tokens', 'MAX_COMPLETION_TOKENS', 'max_to\u212aens', 'max\\u005fTokens'])(
    'refuses %s, which some providers read',
    (key) => {
      expect(() => tokensOf(`"max_tokens":5,"${key}":900000`)).toThrow(/in lower case, and once/);
    },
  );
});
