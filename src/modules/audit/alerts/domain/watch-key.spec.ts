import { describe, expect, it } from 'vitest';

import { ALERT_RULES } from './alert-rules.js';
import { kmBetween } from './distance.js';
import { NO_HISTORY, type WatchedEvent, watchKey } from './watch-key.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NANOS = 1_000_000_000n;

/** The alerts that a recorded stream raises, as `rule@minutes`. */
function alertsOf(stream: readonly WatchedEvent[]): string[] {
  let history = NO_HISTORY;
  const raised: string[] = [];
  for (const event of stream) {
    const seen = watchKey(ALERT_RULES, history, event);
    // What is kept between events is JSON.
    history = JSON.parse(JSON.stringify(seen.history)) as typeof history;
    raised.push(...seen.alerts.map(({ rule, at }) => `${rule}@${at / MINUTE}`));
  }
  return raised;
}

function used(at: number, country: string | null): WatchedEvent {
  return { kind: 'used', at, country };
}

function refused(at: number, code: string, path = '/v1/chat/completions', times = 1): WatchedEvent {
  return { kind: 'refused', at, code, path, times };
}

function spent(at: number, usd: number, usualUsd: number): WatchedEvent {
  return { kind: 'spent', at, nanos: BigInt(usd) * NANOS, usualNanos: BigInt(usualUsd) * NANOS };
}

function each(count: number, make: (number: number) => WatchedEvent): WatchedEvent[] {
  return Array.from({ length: count }, (_, number) => make(number));
}

/** A key of an office in Germany that is used every working hour for three days. */
const OFFICE = each(72, (hour) => used(hour * HOUR, 'DE'));
const AFTER = 3 * DAY;

describe('recorded streams that raise an alert', () => {
  it.each<[string, readonly WatchedEvent[], string[]]>([
    [
      'somebody who has the key but not the address it may be used from',
      each(30, (n) => refused(n * 10_000, 'ip_not_allowed')),
      [`failure_burst@${(19 * 10_000) / MINUTE}`],
    ],
    [
      'the same, as the log tells it: the first at once, the others in one',
      [refused(0, 'ip_not_allowed'), refused(MINUTE, 'ip_not_allowed', '/', 400)],
      ['failure_burst@1'],
    ],
    [
      'a burst that comes again after it was quiet',
      [
        ...each(20, (n) => refused(n, 'ip_not_allowed')),
        ...each(20, (n) => refused(2 * HOUR + n, 'ip_not_allowed')),
      ],
      [`failure_burst@${19 / MINUTE}`, `failure_burst@${(2 * HOUR + 19) / MINUTE}`],
    ],
    [
      'requests that were recorded and are sent again',
      each(5, (n) => refused(n * 1_000, 'nonce_replayed')),
      [`forged_signatures@${4_000 / MINUTE}`],
    ],
    [
      'somebody who tries out ids',
      each(25, (n) => refused(n * 1_000, 'not_found', `/v1/keys/key_${n}`)),
      [`foreign_ids@${19_000 / MINUTE}`],
    ],
    ['use of a key that is revoked', [refused(0, 'revoked_api_key')], ['dead_key_used@0']],
    [
      'a country that is new',
      [...OFFICE, used(AFTER + DAY, 'BR')],
      [`new_country@${(AFTER + DAY) / MINUTE}`],
    ],
    [
      'a country that nobody can have reached since',
      [...OFFICE, used(AFTER - 30 * MINUTE, 'BR')],
      [
        `new_country@${(AFTER - 30 * MINUTE) / MINUTE}`,
        `impossible_travel@${(AFTER - 30 * MINUTE) / MINUTE}`,
      ],
    ],
    ['a hundred times the usual cost', [spent(0, 100, 1)], ['sudden_cost@0']],
  ])('%s', (_, stream, alerts) => {
    expect(alertsOf(stream)).toEqual(alerts);
  });
});

describe('recorded streams that must raise none', () => {
  it.each<[string, readonly WatchedEvent[]]>([
    [
      'an application with a wrong setting that tries once a minute',
      each(600, (n) => refused(n * MINUTE, 'ip_not_allowed')),
    ],
    [
      'the same missing id, asked for again and again',
      each(100, (n) => refused(n * 1_000, 'not_found', '/v1/keys/key_1')),
    ],
    [
      'servers on two continents from the first day',
      each(200, (n) => used(n * HOUR, n % 2 ? 'US' : 'SG')),
    ],
    [
      'a neighbouring country within minutes, on the first day',
      [used(0, 'DE'), used(MINUTE, 'FR')],
    ],
    ['an address whose country is not known', [...OFFICE, used(AFTER, null)]],
    ['ten times the usual cost, of a few cents', [spent(0, 1, 0)]],
    ['a busy day of a costly key', [spent(0, 900, 100)]],
    ['two replays by a client that tries again', each(2, (n) => refused(n, 'nonce_replayed'))],
  ])('%s', (_, stream) => {
    expect(alertsOf(stream)).toEqual([]);
  });

  it('a neighbouring country is new, but no impossible travel', () => {
    expect(alertsOf([...OFFICE, used(AFTER - 59 * MINUTE, 'FR')])).toEqual([
      `new_country@${(AFTER - 59 * MINUTE) / MINUTE}`,
    ]);
  });

  it('a dead key that goes on being used is told of once a day', () => {
    const stream = each(48, (n) => refused(n * HOUR, 'revoked_api_key'));
    expect(alertsOf(stream)).toEqual(['dead_key_used@0', `dead_key_used@${DAY / MINUTE}`]);
  });
});

describe('kmBetween', () => {
  it.each([
    ['DE', 'FR', 0, 0],
    ['DE', 'DE', 0, 0],
    ['RU', 'US', 0, 100],
    ['DE', 'BR', 5_000, 8_000],
    ['JP', 'US', 0, 3_000],
    ['SG', 'NL', 7_000, 10_000],
    ['ZZ', 'DE', 0, 0],
  ])('%s to %s is at least what it says and no more than it is', (one, other, least, most) => {
    const km = kmBetween(one, other);
    expect(km).toBe(kmBetween(other, one));
    expect(km).toBeGreaterThanOrEqual(least);
    expect(km).toBeLessThanOrEqual(most);
  });
});
