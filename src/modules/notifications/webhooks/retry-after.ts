const SECONDS = /^\d{1,9}$/;

/**
 * Reads a `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.
 * @param now in ms since the Unix epoch
 * @returns how long to wait, in ms; `null` where nothing is said that can be read
 */
export function parseRetryAfter(header: string | string[] | undefined, now: number): number | null {
  if (typeof header !== 'string') return null;
  const text = header.trim();
  if (SECONDS.test(text)) return Number(text) * 1_000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
