import { describe, expect, it } from 'vitest';

import { floorOf, isAhead, isFeedPosition, shortened } from './feed-position.js';

describe('a position of the feed', () => {
  it.each(['1:1:', '10:20:10,11,19', '10:20:', '999999999999999998:999999999999999999:'])(
    'is %s',
    (text) => expect(isFeedPosition(text)).toBe(true),
  );

  it.each([
    '',
    '1:1',
    '0:5:',
    '5:4:',
    '10:20:9',
    '10:20:20',
    '10:20:12,11',
    '10:20:11,11',
    '10:20:11,',
    '-1:5:',
    '1:1:;',
    "1:1:' OR true",
    '9223372036854775807:9223372036854775807:',
  ])('is not %s', (text) => expect(isFeedPosition(text)).toBe(false));

  it('is not longer than any server makes it', () => {
    const running = Array.from({ length: 1_000 }, (_, number) => 10_000 + number);
    expect(isFeedPosition(`10000:20000:${running.join(',')}`)).toBe(false);
    expect(isFeedPosition(`10000:20000:${running.slice(200).join(',')}`)).toBe(false);
    expect(isFeedPosition(`10000:20000:${running.slice(400).join(',')}`)).toBe(true);
  });

  it('is shortened to an earlier one when much is running', () => {
    const running = Array.from({ length: 21 }, (_, number) => 10 + number);
    expect(shortened(`10:90:${running.join(',')}`)).toBe('10:10:');
    expect(shortened(`10:90:${running.slice(1).join(',')}`)).toBe(
      `10:90:${running.slice(1).join(',')}`,
    );
  });

  it('waits for a transaction that stays open, but not for ever', () => {
    expect(floorOf('10:10010:10')).toBe('10');
    expect(floorOf('10:10011:10')).toBe('11');
  });

  it('is ahead of a server that has not come to it', () => {
    expect(isAhead('10:21:', '10:20:')).toBe(true);
    expect(isAhead('10:20:', '10:20:')).toBe(false);
    expect(isAhead('9:9:', '10:10:')).toBe(false);
  });
});
