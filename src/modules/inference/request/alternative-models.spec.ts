import { describe, expect, it } from 'vitest';

import { CHAT_COMPLETIONS } from '../surface.js';
import { alternativeModels } from './alternative-models.js';
import { parseInferenceRequest } from './inference-request.js';

function read(fields: string): readonly string[] {
  const body = Buffer.from(`{"model":"m"${fields}}`);
  return alternativeModels(parseInferenceRequest(body, CHAT_COMPLETIONS));
}

describe('alternativeModels', () => {
  it.each([
    ['', []],
    [',"models":null', []],
    [',"models":["a","b"]', ['a', 'b']],
    [String.raw`,"mod\u0065ls":["a"]`, ['a']],
  ])('reads %s', (fields, expected) => {
    expect(read(fields)).toEqual(expected);
  });

  it.each([
    ',"models":"a"',
    ',"models":{"0":"a"}',
    ',"models":[5]',
    ',"models":[""]',
    `,"models":${JSON.stringify(Array(17).fill('a'))}`,
    `,"models":["${'x'.repeat(257)}"]`,
    ',"Models":["a"]',
  ])('refuses %s', (fields) => {
    expect(() => read(fields)).toThrow(expect.objectContaining({ param: 'models' }) as Error);
  });
});
