import { createHash } from 'node:crypto';

import { scrubSecrets } from '#platform/observability/secret-patterns.js';

const MAX_FACTS_BYTES = 64 * 1024;
const MAX_TEXT = 1_024;
/** NUL and halves of a surrogate pair. */
const UNSTORABLE = /\0|\p{Surrogate}/gu;

/**
 * Facts as they can be written down and read back the same: plain JSON, without what looks like a secret, of characters that
 * PostgreSQL can hold. Of more than 64 KiB only the length and the SHA-256 are kept.
 */
export function recordable(facts: unknown): Readonly<Record<string, unknown>> {
  const text = JSON.stringify(facts, (_name, value: unknown) =>
    typeof value === 'string' ? cleanText(value) : value,
  );
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_FACTS_BYTES) return JSON.parse(text) as Record<string, unknown>;
  return { omitted_bytes: bytes, sha256: createHash('sha256').update(text).digest('hex') };
}

/** One line of text of at most 1,024 characters. */
export function recordableText(text: string): string {
  return cleanText(text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text);
}

function cleanText(text: string): string {
  return scrubSecrets(text).replaceAll(UNSTORABLE, '\uFFFD');
}
