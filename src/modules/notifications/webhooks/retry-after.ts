const SECONDS = /^\d{1,9}$/;
/** As senders must write it: `Sun, 06 Nov 1994 08:49:37 GMT`. `Date.parse` alone reads much more. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Reads a `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.
 * @param now in ms since the Unix epoch
 * @returns how long to wait, in ms; `null` where nothing is said that can be read
 */
export function parseRetryAfter(header: string | string[] | undefined, now: number): number | null {
  if (typeof header !== 'string') return null;
  const text = header.trim();
  if (SECONDS.test(text)) return Number(text) * 1_000;
  const date = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
