import { readUsage, type UsageFigures } from './usage-figures.js';

/** Longest answer that is taken: embeddings of 2,048 texts as decimal numbers have about 60 MB. */
const MAX_ANSWER_BYTES = 96 * 1024 * 1024;
/** Up to here an answer is parsed to know that it is whole; parsing a longer one would hold up all other calls. */
const MAX_PARSED_BYTES = 1024 * 1024;
const USAGE_KEY = '"usage"';
const OPEN_BRACE = 0x7b;

/** A JSON answer while it arrives. It is sent on as the bytes that came. */
export class JsonAnswer {
  readonly #chunks: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get isTooLong(): boolean {
    return this.#length > MAX_ANSWER_BYTES;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  bytes(): Buffer {
    return this.#chunks.length === 1
      ? (this.#chunks[0] as Buffer)
      : Buffer.concat(this.#chunks, this.#length);
  }

  /** The answer and its usage, or `null` when it is not a whole JSON object. */
  read(): { body: Buffer; usage: UsageFigures | null } | null {
    const body = this.bytes();
    if (body.length > MAX_PARSED_BYTES) return readLong(body);
    try {
      const parsed: unknown = JSON.parse(body.toString('utf8'));
      if (typeof parsed !== 'object' || parsed === null) return null;
      return { body, usage: readUsage((parsed as Record<string, unknown>).usage) };
    } catch {
      // That it is no JSON is the answer to the question.
      return null;
    }
  }

  /** The texts of the choices, escaped as in JSON, for counting an answer that reports no usage. */
  text(): string {
    const matches = this.bytes()
      .toString('utf8', 0, MAX_PARSED_BYTES)
      .matchAll(/"(?:content|text|arguments)":\s*"((?:[^"\\]|\\.)*)"/g);
    return [...matches].map(([, text]) => text).join('');
  }
}

/** A long answer is judged by its ends, and its usage read from the last `usage` member. */
function readLong(body: Buffer): { body: Buffer; usage: UsageFigures | null } | null {
  const last = body.subarray(-64).toString('latin1').trimEnd();
  if (body[0] !== OPEN_BRACE || !last.endsWith('}')) return null;
  const key = body.lastIndexOf(USAGE_KEY);
  if (key === -1) return { body, usage: null };
  const tail = body.subarray(key).toString('utf8');
  for (let end = tail.indexOf('}'); end !== -1; end = tail.indexOf('}', end + 1)) {
    const usage = parseMember(tail.slice(0, end + 1));
    if (usage !== undefined) return { body, usage: readUsage(usage) };
  }
  return null;
}

function parseMember(text: string): unknown {
  try {
    return (JSON.parse(`{${text}}`) as { usage: unknown }).usage;
  } catch {
    // The brace was not the last one.
    return undefined;
  }
}
