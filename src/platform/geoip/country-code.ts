/** What providers of addresses and proxies say where they know none: a user-assigned code of ISO 3166-1. */
const UNKNOWN_CODES: ReadonlySet<string> = new Set(['XX', 'ZZ']);

/** `value` as an ISO 3166-1 alpha-2 code in upper case; `null` when it is none, or says that the country is unknown. */
export function toCountryCode(value: unknown): string | null {
  if (typeof value !== 'string' || !/^[A-Za-z]{2}$/.test(value)) return null;
  const code = value.toUpperCase();
  return UNKNOWN_CODES.has(code) ? null : code;
}
