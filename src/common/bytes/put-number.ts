const DIGIT_ZERO = 0x30;
const BILLION = 1_000_000_000;
const BILLION_DIGITS = 9;

/** Writes a whole number from 0 to 2^53 - 1 in decimal, without making a text of it; answers where it ends. */
export function putNumber(bytes: Uint8Array, at: number, value: number): number {
  if (value < BILLION) return putDigits(bytes, at, value, digitsOf(value));
  const low = value % BILLION;
  const high = (value - low) / BILLION;
  return putDigits(bytes, putDigits(bytes, at, high, digitsOf(high)), low, BILLION_DIGITS);
}

/** The same, of a number below 2^31, with `count` digits. */
export function putDigits(bytes: Uint8Array, start: number, value: number, count: number): number {
  let rest = value | 0;
  for (let at = start + count - 1; at >= start; at--) {
    const left = (rest / 10) | 0;
    bytes[at] = DIGIT_ZERO + rest - left * 10;
    rest = left;
  }
  return start + count;
}

/** Of a whole number below 2^31. */
function digitsOf(whole: number): number {
  if (whole < 10) return 1;
  if (whole < 100) return 2;
  if (whole < 1_000) return 3;
  let count = 4;
  for (let left = (whole / 10_000) | 0; left > 0; left = (left / 10) | 0) count++;
  return count;
}
