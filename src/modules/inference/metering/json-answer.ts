import { findMember, JsonName, readMember } from '#common/json/json-members.js';
import { JsonScanError, scanJson } from '#common/json/json-structure.js';

import { type Finish, finishOf } from './finish.js';
import { readUsage, type UsageFigures } from './usage-figures.js';

/** Longest answer that is taken: embeddings of 2,048 texts as decimal numbers have about 60 MB. */
const MAX_ANSWER_BYTES = 96 * 1024 * 1024;
/** Up to here all of an answer is looked at; a longer one would hold up all other calls. */
const MAX_SCANNED_BYTES = 1024 * 1024;
const BOUNDS = { maxDepth: 512, maxValues: 1_000_000, maxMembers: 256, everyLevel: false };
const USAGE = new JsonName('usage');
const USAGE_KEY = Buffer.from('"usage"');
/** The usage and what follows it. */
const MAX_TAIL_BYTES = 16 * 1024;
const ERROR = Buffer.from('"error"');
const OPEN_BRACE = 0x7b;

type ReadAnswer = { readonly body: Buffer; readonly usage: UsageFigures | null };

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
  read(): ReadAnswer | null {
    const body = this.bytes();
    const usage = usageAtEnd(body);
    if (usage) return { body, usage };
    if (body.length <= MAX_SCANNED_BYTES) return readWhole(body);
    return looksWhole(body) ? { body, usage: null } : null;
  }

  /** How it ended. Where there is output, and no mention of an error, that is not looked at. */
  finish(outputTokens: number): Finish {
    const body = this.bytes();
    return outputTokens > 0 && !body.includes(ERROR) ? 'normal' : finishOf(body.toString('latin1'));
  }

  /** The texts of the choices, escaped as in JSON, for counting an answer that reports no usage. */
  get text(): string {
    const matches = this.bytes()
      .toString('utf8', 0, MAX_SCANNED_BYTES)
      // The last text may be cut. What a model thinks is its output as well: `reasoning_content`.
      .matchAll(/(?:content|"text|"arguments|"reasoning)":\s*"((?:[^"\\]|\\.)*)/g);
    return [...matches].map(([, text]) => text).join('');
  }
}

function readWhole(body: Buffer): ReadAnswer | null {
  try {
    const { isObject, members } = scanJson(body, BOUNDS);
    if (!isObject) return null;
    const usage = findMember(body, members, USAGE);
    return { body, usage: usage ? readUsage(readMember(body, usage)) : null };
  } catch (error) {
    if (error instanceof JsonScanError) return null;
    throw error;
  }
}

/**
 * The usage of an answer from its last bytes: providers put it at the end. What follows it must close the answer as JSON
 * does, so an answer that was cut off is not taken for a whole one. `null`: all of the answer has to be looked at.
 */
function usageAtEnd(body: Buffer): UsageFigures | null {
  const key = body.lastIndexOf(USAGE_KEY);
  if (key === -1 || body[0] !== OPEN_BRACE || body.length - key > MAX_TAIL_BYTES) return null;
  try {
    const tail = JSON.parse(`{${body.toString('utf8', key)}`) as { usage: unknown };
    return readUsage(tail.usage);
  } catch {
    // That it is no JSON is the answer to the question.
    return null;
  }
}

/** A long answer without usage is judged by its ends. */
function looksWhole(body: Buffer): boolean {
  return body[0] === OPEN_BRACE && body.subarray(-64).toString('latin1').trimEnd().endsWith('}');
}
