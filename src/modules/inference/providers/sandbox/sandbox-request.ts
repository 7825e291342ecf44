import { isUtf8 } from 'node:buffer';
import { type IncomingHttpHeaders } from 'node:http';

import { invalid } from './request-fields.js';

export type SandboxSurface = 'chat.completions' | 'completions' | 'embeddings';

/** What a caller may tell the sandbox by headers, all optional. */
export type SandboxControls = {
  /** `x-latchkey-sandbox-text`: the answer's text. It goes before JSON formats and tool calls; limits still cut it. */
  text?: string;
  /** `x-latchkey-sandbox-delay-ms`: before the first byte, 0..600,000. */
  delayMs?: number;
  /** `x-latchkey-sandbox-chunk-delay-ms`: between streamed chunks, 0..60,000. */
  chunkDelayMs?: number;
  /** `x-latchkey-sandbox-fail`: an HTTP status, 400..599, answered in OpenAI's error shape. */
  failStatus?: number;
  /** `x-latchkey-sandbox-fail-after-chunks`: a stream breaks off after so many events, 0..1,000,000. */
  failAfterChunks?: number;
};

const TEXT_HEADER = 'x-latchkey-sandbox-text';
const MAX_TEXT_BYTES = 8 * 1024;
const WHOLE_NUMBER = /^\d{1,7}$/;

const NUMBER_HEADERS = [
  ['delayMs', 'x-latchkey-sandbox-delay-ms', 0, 600_000],
  ['chunkDelayMs', 'x-latchkey-sandbox-chunk-delay-ms', 0, 60_000],
  ['failStatus', 'x-latchkey-sandbox-fail', 400, 599],
  ['failAfterChunks', 'x-latchkey-sandbox-fail-after-chunks', 0, 1_000_000],
] as const;

/**
 * Reads the `x-latchkey-sandbox-*` headers; other headers are not looked at.
 * Throws `invalid_request` with the header's name as `param` for a value that is out of range or malformed.
 */
export function parseSandboxControls(headers: IncomingHttpHeaders): SandboxControls {
  const controls: SandboxControls = {};
  for (const [field, header, min, max] of NUMBER_HEADERS) {
    const value = headers[header];
    if (value === undefined) continue;
    const number = typeof value === 'string' && WHOLE_NUMBER.test(value) ? Number(value) : NaN;
    if (!(number >= min && number <= max)) {
      throw invalid(header, `${header} must be a whole number from ${min} to ${max}.`);
    }
    controls[field] = number;
  }
  const text = headers[TEXT_HEADER];
  if (text !== undefined) controls.text = decodeText(text);
  return controls;
}

function decodeText(value: string | string[]): string {
  if (typeof value !== 'string') throw invalid(TEXT_HEADER, `${TEXT_HEADER} may be given once.`);
  const text = decodePercent(decodeHeaderBytes(value));
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) {
    throw invalid(TEXT_HEADER, `${TEXT_HEADER} may hold at most ${MAX_TEXT_BYTES} bytes of text.`);
  }
  return text;
}

/** Node hands out header bytes as Latin-1; curl and others send UTF-8 as it stands. */
function decodeHeaderBytes(value: string): string {
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : value;
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    if (!(cause instanceof URIError)) throw cause;
    const message = `${TEXT_HEADER} must be percent-encoded UTF-8; a plain percent sign is written %25.`;
    throw invalid(TEXT_HEADER, message);
  }
}
