// @ts-check
/** The pages of the audit log that the bench asks for. */
import { Buffer } from 'node:buffer';
import { randomInt } from 'node:crypto';

import {
  FORMER_USER,
  KEYS,
  keyIdOf,
  RARE_USER,
  RARE_WORD,
  userIdOf,
  USERS,
  wordOf,
} from './audit-data.mjs';

/** @typedef {Record<string, string>} Query */

const DAY_MS = 86_400_000;

/** @param {number} daysAgo */
const dateOf = (daysAgo) => new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 10);
/** Of the entry that was written so long ago. @param {number} daysAgo */
const cursorOf = (daysAgo) =>
  Buffer.from(`${Date.now() - Math.floor(daysAgo * DAY_MS)}.aud_bench`).toString('base64url');
const someUser = () => userIdOf(randomInt(USERS));
const someKey = () => keyIdOf(randomInt(KEYS));
const deep = () => cursorOf(randomInt(1, 400));

/**
 * By what is asked for.
 * @param {number} entries
 * @returns {Record<string, () => Query>}
 */
export function casesOf(entries) {
  return {
    'no filter': () => ({}),
    '200 a page': () => ({ limit: '200' }),
    'deep cursor': () => ({ cursor: deep() }),
    dates: () => ({ start_date: dateOf(randomInt(200, 390)), end_date: dateOf(randomInt(1, 200)) }),
    actor: () => ({ actor: someUser() }),
    'actor, deep cursor': () => ({ actor: someUser(), cursor: deep() }),
    'actor, rare': () => ({ actor: RARE_USER }),
    'actor, long gone': () => ({ actor: FORMER_USER }),
    'actor, nobody': () => ({ actor: 'user_nobody' }),
    'actor, a key': () => ({ actor: someKey() }),
    'actor, a job that never ran': () => ({ actor: 'keys.never' }),
    action: () => ({ action: 'key.updated' }),
    'action, group': () => ({ action: 'key.*', cursor: deep() }),
    'action, nothing has it': () => ({ action: 'nothing.done' }),
    'event types': () => ({ event_types: 'key_lifecycle,security_alert' }),
    'event type, nothing has it': () => ({ event_types: 'usage' }),
    outcome: () => ({ outcome: 'denied', cursor: deep() }),
    target: () => ({ target: someKey() }),
    'target, nothing has it': () => ({ target: 'key_nothing' }),
    'target type, nothing has it': () => ({ target_type: 'nothing' }),
    key: () => ({ key_id: someKey() }),
    'key, denied': () => ({ key_id: someKey(), outcome: 'denied' }),
    request: () => ({ request_id: `req_bench${randomInt(1, entries)}` }),
    'address of many': () => ({ ip_address: '203.0.113.7' }),
    'address of few': () => ({ ip_address: `198.51.${randomInt(100)}.${randomInt(250)}` }),
    'address of nobody': () => ({ ip_address: '192.0.2.1' }),
    'text, in all': () => ({ q: 'bench' }),
    'text, a beginning of all': () => ({ q: 'b', cursor: deep() }),
    'text, frequent': () => ({ q: wordOf(randomInt(20)), cursor: deep() }),
    'text, now and then': () => ({ q: wordOf(randomInt(100, 2_000)) }),
    'text, seldom': () => ({ q: wordOf(randomInt(2_000, 20_000)) }),
    'text, a beginning': () => ({ q: `word${randomInt(36).toString(36)}` }),
    'text, rare': () => ({ q: RARE_WORD }),
    'text, nothing has it': () => ({ q: 'nowhere' }),
    'text, two words': () => ({ q: `${wordOf(randomInt(50))} ${wordOf(randomInt(500))}` }),
    'text, an id': () => ({ q: someKey() }),
    'text and actor, long gone': () => ({ q: wordOf(randomInt(500)), actor: FORMER_USER }),
    'text in a month': () => ({
      q: wordOf(randomInt(500)),
      start_date: dateOf(200),
      end_date: dateOf(170),
    }),
    'actor and action': () => ({ actor: someUser(), action: 'key.revoked' }),
    'actor, address, outcome': () => ({
      actor: someUser(),
      ip_address: '203.0.113.7',
      outcome: 'failure',
    }),
  };
}
