const REDACTED = '[redacted]';

/** Where a secret may begin: not inside a word, though right behind an escape, in a text that quotes JSON. */
const START = String.raw`(?<=^|[^0-9A-Za-z]|\\(?:[bfnrt]|u[0-9A-Fa-f]{4}))`;

/**
 * Every shape of secret that could stand inside a text. Redaction goes by value, not by field name: a key in an error
 * message, a URL or an array is found as well (security research: pino's own `redact` sees paths only).
 */
const PATTERNS: readonly RegExp[] = [
  // Our own keys of any brand: <brand>-<env>-<32 base62>, whatever they are glued to.
  /[a-z][a-z0-9]{1,11}-(?:live|test)-[0-9A-Za-z]{32}/g,
  // Tokens of sessions (lks_), tickets (lkt_), password resets (lkr_), invitations (lki_) and whatever else is shown once and
  // is not a key; signing secrets of keys, and webhook secrets.
  startingWith('lk[a-z]_[0-9A-Za-z_-]{16,}'),
  startingWith('lsig_[0-9A-Za-z]{16,}'),
  startingWith('whsec_[0-9A-Za-z+/=_-]{16,}'),
  // Providers' keys: OpenAI, Anthropic, OpenRouter (sk-…), Groq (gsk_…), Google (AIza…), Hugging Face (hf_…).
  startingWith('sk-[0-9A-Za-z_-]{12,}'),
  startingWith('gsk_[0-9A-Za-z]{16,}'),
  startingWith('AIza[0-9A-Za-z_-]{20,}'),
  startingWith('hf_[0-9A-Za-z]{16,}'),
  // Credentials of any scheme that an Authorization header carries.
  /\b(?:Bearer|Basic)\s+[0-9A-Za-z._~+/=-]{8,}/gi,
  // The password of a URL. A quote ends it: what is scrubbed may be JSON.
  /(?<=\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"]{0,256}:)[^\s/@"]{1,1024}(?=@)/gi,
];

function startingWith(shape: string): RegExp {
  return new RegExp(START + shape, 'g');
}

/** `text` with every known shape of secret replaced. Linear in the length of the text. */
export function scrubSecrets(text: string): string {
  let scrubbed = text;
  for (const pattern of PATTERNS) scrubbed = scrubbed.replace(pattern, REDACTED);
  return scrubbed;
}

/**
 * A replacer for `JSON.stringify` and a reviver for `JSON.parse`, which scrubs every text. Texts are scrubbed as they are
 * meant: once written as JSON, the escape of a line's end makes one word of itself and what follows.
 */
export function scrubTexts(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? scrubSecrets(value) : value;
}
