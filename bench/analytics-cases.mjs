// @ts-check
/** The reports that the bench asks for. */
import { randomInt } from 'node:crypto';

import { keyIdOf } from './analytics-data.mjs';

/**
 * @typedef {object} Case
 * @property {string} kind what its times are told under
 * @property {string | null} keyId
 * @property {string} path
 * @property {Record<string, string>} query
 */

const ZONES = ['UTC', 'Europe/Berlin', 'Asia/Kolkata'];
const GROUPINGS = [
  '',
  'model',
  'provider',
  'feature',
  'status',
  'key',
  'environment',
  'metadata.team',
];
/** The longest period in days that a series may have, with room for what is kept of minutes. */
const LONGEST = { minute: 1, hour: 60, day: 90, week: 90, month: 90 };
const GRANULARITIES = /** @type {(keyof typeof LONGEST)[]} */ (Object.keys(LONGEST));

/** @template T @param {readonly T[]} values @returns {T} */
function pick(values) {
  return /** @type {T} */ (values[randomInt(values.length)]);
}

/** @param {string | null} keyId @param {Record<string, string>} query @returns {Case} */
function caseOf(keyId, query) {
  const path = keyId === null ? '/v1/analytics' : `/v1/keys/${keyId}/analytics`;
  const of = keyId === null ? 'all keys' : 'one key';
  const isByKey = keyId === null && /^(key|environment|metadata)/.test(query.group_by ?? '');
  return {
    kind: `${of}, by ${query.granularity}${isByKey ? ', grouped by keys' : ''}`,
    keyId,
    path,
    query,
  };
}

/** @param {number} count @param {number} keys @returns {Case[]} */
export function randomCases(count, keys) {
  return Array.from({ length: count }, () => {
    const granularity = pick(GRANULARITIES);
    const groupBy = pick(GROUPINGS);
    const days = randomInt(1, LONGEST[granularity] + 1);
    return caseOf(randomInt(2) === 0 ? null : keyIdOf(randomInt(keys)), {
      period: `${days}d`,
      granularity,
      time_zone: pick(ZONES),
      ...(groupBy !== '' && { group_by: groupBy }),
    });
  });
}

/** One of each sort, the longest that there are. @returns {Case[]} */
export function pickCases() {
  const key = keyIdOf(7);
  return [
    caseOf(null, { period: '24h', granularity: 'minute', time_zone: 'UTC' }),
    caseOf(null, { period: '60d', granularity: 'hour', time_zone: 'Europe/Berlin' }),
    caseOf(null, { period: '90d', granularity: 'day', time_zone: 'UTC', group_by: 'provider' }),
    caseOf(null, {
      period: '90d',
      granularity: 'day',
      time_zone: 'Asia/Kolkata',
      group_by: 'status',
    }),
    caseOf(null, { period: '90d', granularity: 'week', time_zone: 'UTC', group_by: 'key' }),
    caseOf(null, {
      period: '7d',
      granularity: 'hour',
      time_zone: 'Asia/Kolkata',
      group_by: 'metadata.team',
    }),
    caseOf(key, { period: '24h', granularity: 'minute', time_zone: 'UTC' }),
    caseOf(key, {
      period: '60d',
      granularity: 'hour',
      time_zone: 'Europe/Berlin',
      group_by: 'model',
    }),
    caseOf(key, { period: '90d', granularity: 'day', time_zone: 'Asia/Kolkata' }),
  ];
}
