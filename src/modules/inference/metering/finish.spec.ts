import { describe, expect, it } from 'vitest';

import { type Finish, finishOf, isZeroCompletion } from './finish.js';

describe('finishOf', () => {
  it.each<[string, Finish]>([
    ['{"choices":[{"finish_reason":"stop"}]}', 'normal'],
    ['{"choices":[{"finish_reason": "length"}]}', 'normal'],
    ['{"choices":[{"finish_reason" : "error"}]}', 'error'],
    ['{"choices":[{"finish_reason":"stop"},{"finish_reason":"error"}]}', 'error'],
    ['{"choices":[{"finish_reason":null},{"finish_reason":"stop"}]}', 'normal'],
    ['{"choices":[{"finish_reason":""}]}', 'none'],
    ['{"choices":[{"finish_reason":null}]}', 'none'],
    ['{"choices":[]}', 'none'],
    [JSON.stringify({ content: '"finish_reason":"error"' }), 'none'],
  ])('of %s is %s', (text, finish) => {
    expect(finishOf(text)).toBe(finish);
  });
});

describe('isZeroCompletion', () => {
  it.each<[Finish, number, boolean]>([
    ['none', 0, true],
    ['none', 1, false],
    ['normal', 0, false],
    ['normal', 7, false],
    ['error', 0, true],
    ['error', 7, true],
  ])('with the finish %s and %i tokens of output: %s', (finish, tokens, isZero) => {
    expect(isZeroCompletion(finish, tokens)).toBe(isZero);
  });
});
