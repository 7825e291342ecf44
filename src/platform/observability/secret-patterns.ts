const REDACTED = '[redacted]';

/**
 * Every shape of secret that could stand inside a text. Redaction goes by value, not by field name: a key in an error
 * message, a URL or an array is found as well (security research: pino's own `redact` sees paths only).
 */
const PATTERNS: readonly RegExp[] = [
  // Our own keys of any brand: <brand>-<env>-<32 base62>.
  /\b[a-z][a-z0-9]{1,11}-(?:live|test)-[0-9A-Za-z]{32}/g,
  // Session tokens, signing secrets of keys, and webhook secrets.
  /\blks_[0-9A-Za-z_-]{16,}/g,
  /\blsig_[0-9A-Za-z]{16,}/g,
  /\bwhsec_[0-9A-Za-z+/=_-]{16,}/g,
  // Providers' keys: OpenAI, Anthropic, OpenRouter (sk-…), Groq (gsk_…), Google (AIza…), Hugging Face (hf_…).
  /\bsk-[0-9A-Za-z_-]{12,}/g,
  /\bgsk_[0-9A-Za-z]{16,}/g,
  /\bAIza[0-9A-Za-z_-]{20,}/g,
  /\bhf_[0-9A-Za-z]{16,}/g,
  // Credentials of any scheme that an Authorization header carries.
  /\b(?:Bearer|Basic)\s+[0-9A-Za-z._~+/=-]{8,}/gi,
  // The password of a URL. A quote ends it: what is scrubbed may be JSON, and has to stay so.
  /(?<=\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"]{0,256}:)[^\s/@"]{1,1024}(?=@)/gi,
];

/** `text` with every known shape of secret replaced. Linear in the length of the text. */
export function scrubSecrets(text: string): string {
  let scrubbed = text;
  for (const pattern of PATTERNS) scrubbed = scrubbed.replace(pattern, REDACTED);
  return scrubbed;
}
