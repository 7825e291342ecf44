import { BASE62, ID_PREFIXES, randomBase62 } from './prefixed-id.js';

/** As base62 they last until the year 3769, and sort as the times do. */
const SECONDS_LENGTH = 6;
/** 95 bits: enough to tell apart the requests of a second. */
const RANDOM_LENGTH = 16;
const REQUEST_ID = new RegExp(`^${ID_PREFIXES.request}_([0-9A-Za-z]{6})[0-9A-Za-z]{16}$`);
/** Random parts are made by the dozen: they cost less so, since the code is at hand. */
const MADE_AHEAD = 64;

const tails: string[] = [];
let headSecond = NaN;
let head = '';

/**
 * `req_` with the second of `now` and a random rest, 22 characters in all. A call's record can be found by such an id
 * alone: an index of ids, one more for each call to be put into, is not needed.
 */
export function newRequestId(now: number): string {
  const second = Math.floor(now / 1_000);
  if (second !== headSecond) {
    headSecond = second;
    head = `${ID_PREFIXES.request}_${toBase62(second)}`;
  }
  if (tails.length === 0) {
    for (let made = 0; made < MADE_AHEAD; made++) tails.push(randomBase62(RANDOM_LENGTH));
  }
  return head + (tails.pop() as string);
}

/** The beginning of the second in which the id was made, in milliseconds since the Unix epoch; `null` for no such id. */
export function timeOfRequestId(id: string): number | null {
  const digits = REQUEST_ID.exec(id)?.[1];
  if (digits === undefined) return null;
  let second = 0;
  for (const digit of digits) second = second * BASE62.length + BASE62.indexOf(digit);
  return second * 1_000;
}

function toBase62(second: number): string {
  let digits = '';
  let rest = second;
  while (digits.length < SECONDS_LENGTH) {
    digits = BASE62.charAt(rest % BASE62.length) + digits;
    rest = Math.floor(rest / BASE62.length);
  }
  return digits;
}
