import { describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';
import { MAX_TARGET_URL_LENGTH } from '#platform/http/outbound/target-url.js';

import { parseBaseUrl, splitBaseUrl } from './base-url.js';

function refusal(text: string, allowPrivate: boolean): AppError {
  try {
    parseBaseUrl(text, allowPrivate);
  } catch (error) {
    return error as AppError;
  }
  throw new Error(`${text} was accepted`);
}

describe('parseBaseUrl', () => {
  it.each([
    ['https://api.openai.com/v1', 'https://api.openai.com', '/v1'],
    ['https://api.openai.com/v1/', 'https://api.openai.com', '/v1'],
    ['https://api.openai.com/v1///', 'https://api.openai.com', '/v1'],
    ['https://API.OpenAI.com:443', 'https://api.openai.com', ''],
    ['https://example.com/', 'https://example.com', ''],
    ['https://example.com:8443/a/../b', 'https://example.com:8443', '/b'],
    ['https://[2606:4700::1]/v1', 'https://[2606:4700::1]', '/v1'],
  ])('makes of %s the origin %s and the path %j', (text, origin, basePath) => {
    const parsed = parseBaseUrl(text, false);
    expect(parsed).toEqual({ url: `${origin}${basePath}`, origin, basePath });
    expect(splitBaseUrl(parsed.url)).toEqual(parsed);
  });

  it.each([
    '',
    'api.openai.com',
    '/v1',
    'file:///etc/passwd',
    'gopher://example.com',
    'ftp://example.com',
    'data:text/plain,hi',
    'https://user@example.com',
    'https://user:secret@example.com',
    'https://good@127.0.0.1',
    'https://example.com?x=1',
    'https://example.com/v1?',
    'https://example.com#x',
    'https://example.com/v1#',
    'https://example.com\\@127.0.0.1',
    'https://exa mple.com',
    ' https://example.com',
    'https://example.com/\n',
    'https://①②⑦.⓪.⓪.①',
    'https://127。0。0。1',
    'https://example.com:99999',
    `https://example.com/${'a'.repeat(MAX_TARGET_URL_LENGTH)}`,
  ])('refuses %j wherever it may point, and never repeats it', (text) => {
    for (const allowPrivate of [true, false]) {
      const error = refusal(text, allowPrivate);
      expect(error).toMatchObject({ code: 'invalid_request', param: 'base_url' });
      expect(error.message).not.toContain('secret');
    }
  });

  it.each([
    'http://api.openai.com/v1',
    'https://localhost/v1',
    'https://LOCALHOST./v1',
    'https://foo.localhost',
    'https://127.0.0.1',
    'https://127.1',
    'https://0',
    'https://2130706433',
    'https://0x7f.1',
    'https://0177.0.0.1',
    'https://10.0.0.1',
    'https://169.254.169.254/latest',
    'https://100.64.0.1',
    'https://192.0.0.192',
    'https://198.18.0.1',
    'https://[::1]',
    'https://[::ffff:127.0.0.1]',
    'https://[::127.0.0.1]',
    'https://[64:ff9b::7f00:1]',
    'https://[2002:7f00:1::]',
    'https://[fd00:ec2::254]',
    'https://example.com:22',
    'https://example.com:5432',
    'https://example.com:6379',
  ])('lets %s in only where private targets are allowed', (text) => {
    expect(refusal(text, false)).toMatchObject({ code: 'invalid_request', param: 'base_url' });
    expect(() => parseBaseUrl(text, true)).not.toThrow();
  });
});
