import { describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';

import { MAX_LEAKS, readGithubAlerts, readScannerLeaks } from './leak-bodies.js';

function refusalOf(read: (body: unknown) => unknown, body: unknown): unknown {
  try {
    return read(body);
  } catch (error) {
    const { code, param } = error as AppError;
    return [code, param];
  }
}

describe('readGithubAlerts', () => {
  it.each([
    [[], []],
    [
      [{ token: 't', type: 'y', url: 'u', source: 's' }],
      [{ token: 't', type: 'y', url: 'u', source: 's' }],
    ],
    [[{ token: 't' }], [{ token: 't', type: '', url: null, source: null }]],
    [
      [{ token: '', type: 1, url: null, source: {}, new: [] }],
      [{ token: '', type: '', url: null, source: null }],
    ],
  ])('reads %j', (body, alerts) => expect(readGithubAlerts(body)).toEqual(alerts));

  it.each<[unknown, string | null]>([
    [{}, null],
    [null, null],
    ['x', null],
    [[null], '[0]'],
    [[{ token: 't' }, []], '[1]'],
    [[{}], '[0].token'],
    [[{ token: 1 }], '[0].token'],
    [Array.from({ length: MAX_LEAKS + 1 }, () => ({ token: 't' })), null],
  ])('refuses %.60j', (body, param) => {
    expect(refusalOf(readGithubAlerts, body)).toEqual(['invalid_request', param]);
  });
});

describe('readScannerLeaks', () => {
  it.each([
    [{ leaks: [] }, []],
    [{ leaks: [{ key: 'k', url: 'u', source: 's' }] }, [{ key: 'k', url: 'u', source: 's' }]],
    [{ leaks: [{ key: '', url: null }] }, [{ key: '', url: null, source: null }]],
  ])('reads %j', (body, leaks) => expect(readScannerLeaks(body)).toEqual(leaks));

  it.each<[unknown, string | null]>([
    [[], null],
    [null, null],
    [{}, 'leaks'],
    [{ leaks: {} }, 'leaks'],
    [{ leaks: [], more: 1 }, 'more'],
    [{ leaks: ['k'] }, 'leaks[0]'],
    [{ leaks: [{}] }, 'leaks[0].key'],
    [{ leaks: [{ key: 'k' }, { key: null }] }, 'leaks[1].key'],
    [{ leaks: [{ key: 'k', token: 't' }] }, 'leaks[0].token'],
    [{ leaks: [{ key: 'k', url: 1 }] }, 'leaks[0].url'],
    [{ leaks: [{ key: 'k', url: 'u'.repeat(2_049) }] }, 'leaks[0].url'],
    [{ leaks: [{ key: 'k', source: 's'.repeat(101) }] }, 'leaks[0].source'],
    [{ leaks: Array.from({ length: MAX_LEAKS + 1 }, () => ({ key: 'k' })) }, 'leaks'],
  ])('refuses %.60j', (body, param) => {
    expect(refusalOf(readScannerLeaks, body)).toEqual(['invalid_request', param]);
  });
});
