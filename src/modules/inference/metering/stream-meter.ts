import type { Secret } from '#common/secret/secret.js';

import { withoutSecrets } from '../upstream/upstream-errors.js';
import { type Finish, finishOf } from './finish.js';
import { readUsage, type UsageFigures } from './usage-figures.js';

/** No provider sends an event this long; one that does is broken, and memory has a bound. */
export const MAX_EVENT_BYTES = 1024 * 1024;
/** Text that is kept to be counted when the provider reports no usage. */
const MAX_KEPT_TEXT = 1024 * 1024;

const LF_LF = '\n\n';
const CRLF_CRLF = '\r\n\r\n';
const USAGE = '"usage":';
const DONE = '[DONE]';
const ERROR = '"error":';
/** With a text as its value; `null` means that the choice goes on. */
const FINISH_REASONS = ['"finish_reason":"', '"finish_reason": "'];
/** `content` also finds `reasoning_content`: what a model thinks is output as well. */
const TEXT_FIELDS = ['content":', '"text":', '"arguments":', '"reasoning":'];

type StreamPart = {
  /** What may go to the client now; `null` when there is nothing yet. */
  readonly forward: Buffer | null;
  /** The stream's proper end: `data: [DONE]`, to be sent once the usage is written down. */
  readonly done: Buffer | null;
};

const NOTHING: StreamPart = { forward: null, done: null };

/** The provider sent an event that is longer than {@link MAX_EVENT_BYTES}. */
export class EventTooLongError extends Error {}

/**
 * Reads the usage of a stream of OpenAI's server-sent events from the passing bytes, without decoding what it need not:
 * native searches tell whether a chunk holds anything of interest. Only whole events are handed on, so that the usage
 * chunk can be taken out where the client did not ask for it.
 */
export class StreamMeter {
  #carry: Buffer | null = null;
  #usage: UsageFigures | null = null;
  #isDone = false;
  #hasFinished = false;
  #finish: Finish = 'none';
  #hasFailed = false;
  #keptBytes = 0;
  readonly #kept: string[] = [];

  /**
   * @param hidesUsageChunk the client did not ask for the chunk that has nothing but the usage
   * @param credential what the provider was called with, and may quote in an error
   */
  constructor(
    private readonly hidesUsageChunk: boolean,
    private readonly credential: Secret | null,
  ) {}

  /** What the provider reported, so far. */
  get usage(): UsageFigures | null {
    return this.#usage;
  }

  /** Whether the stream came to its proper end: `[DONE]`, or at least a finish reason in its last event. */
  get isComplete(): boolean {
    return (this.#isDone || this.#hasFinished) && !this.#hasFailed;
  }

  /** Whether the provider reported an error in the stream. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** How its choices ended, so far. */
  get finish(): Finish {
    return this.#finish;
  }

  /** The text that went by, for counting. */
  get text(): string {
    return this.#kept.join('');
  }

  /** @throws {EventTooLongError} */
  push(chunk: Buffer): StreamPart {
    const data = this.#carry ? Buffer.concat([this.#carry, chunk]) : chunk;
    // A character for each byte, so that offsets are the same in both: searching a text needs no call out of JavaScript.
    const text = data.toString('latin1');
    const end = endOfLastEvent(text);
    this.#carry = end === data.length ? null : data.subarray(end);
    if (this.#carry && this.#carry.length > MAX_EVENT_BYTES) throw new EventTooLongError();
    if (end === 0) return NOTHING;
    const events = end === data.length ? data : data.subarray(0, end);
    const eventsText = end === data.length ? text : text.slice(0, end);
    this.#keepText(eventsText, events);
    if (FINISH_REASONS.some((reason) => eventsText.includes(reason))) this.#finishes(eventsText);
    return isOrdinary(eventsText)
      ? { forward: events, done: null }
      : this.#sift(eventsText, events);
  }

  /** Bytes after the last whole event, when the stream has ended. */
  flush(): Buffer | null {
    const rest = this.#carry;
    this.#carry = null;
    return rest;
  }

  #finishes(eventsText: string): void {
    this.#hasFinished = true;
    const finish = finishOf(eventsText);
    // One choice may have ended well, and another not.
    if (this.#finish !== 'error' && finish !== 'none') this.#finish = finish;
  }

  /** Looks at each event by itself. */
  #sift(text: string, events: Buffer): StreamPart {
    const kept: Buffer[] = [];
    let done: Buffer | null = null;
    let at = 0;
    while (at < events.length) {
      const end = endOfEvent(text, at);
      const eventText = text.slice(at, end);
      const event = events.subarray(at, end);
      at = end;
      if (isDone(eventText)) {
        this.#isDone = true;
        done = event;
      } else {
        const shown = isOrdinary(eventText) ? event : this.#absorb(event);
        if (shown) kept.push(shown);
      }
    }
    const forward =
      kept.length === 0 ? null : kept.length === 1 ? (kept[0] as Buffer) : Buffer.concat(kept);
    return { forward, done };
  }

  /** The event as the client gets it; `null` when it is only for us. */
  #absorb(event: Buffer): Buffer | null {
    const payload = payloadOf(event);
    if (payload === null) return event;
    const { choices, usage, error } = payload;
    this.#usage = readUsage(usage) ?? this.#usage;
    if (error !== undefined && error !== null) {
      this.#hasFailed = true;
      return this.#withoutSecrets(event, payload);
    }
    // Also where the figures are unusable: nobody asked for a chunk without a choice.
    const isForUs = this.hidesUsageChunk && typeof usage === 'object' && usage !== null;
    return isForUs && Array.isArray(choices) && choices.length === 0 ? null : event;
  }

  /** The provider's own bytes, unless there is a secret in them. */
  #withoutSecrets(event: Buffer, payload: Record<string, unknown>): Buffer {
    const credential = this.credential?.reveal() ?? '';
    const clean = JSON.stringify(payload, (_, value: unknown) =>
      typeof value === 'string' ? withoutSecrets(value, credential) : value,
    );
    return clean === JSON.stringify(payload) ? event : Buffer.from(`data: ${clean}\n\n`);
  }

  #keepText(text: string, events: Buffer): void {
    if (this.#keptBytes > MAX_KEPT_TEXT) return;
    for (const field of TEXT_FIELDS) {
      let at = text.indexOf(field);
      while (at !== -1) {
        const value = skipSpaces(text, at + field.length);
        const isText = text[value] === '"';
        const to = isText ? closingQuote(text, value + 1) : value;
        if (isText) this.#keep(events.toString('utf8', value + 1, to));
        at = text.indexOf(field, to);
      }
    }
  }

  #keep(escaped: string): void {
    this.#keptBytes += escaped.length;
    this.#kept.push(escaped);
  }
}

function endOfLastEvent(text: string): number {
  if (text.endsWith(LF_LF)) return text.length;
  const lf = text.lastIndexOf(LF_LF);
  const crlf = text.lastIndexOf(CRLF_CRLF);
  return Math.max(lf === -1 ? 0 : lf + LF_LF.length, crlf === -1 ? 0 : crlf + CRLF_CRLF.length);
}

function endOfEvent(text: string, from: number): number {
  const lf = text.indexOf(LF_LF, from);
  const crlf = text.indexOf(CRLF_CRLF, from);
  return Math.min(
    lf === -1 ? text.length : lf + LF_LF.length,
    crlf === -1 ? text.length : crlf + CRLF_CRLF.length,
  );
}

/** Whether there is nothing in it for us. A quote inside a JSON text is escaped, so a key can't be mistaken. */
function isOrdinary(text: string): boolean {
  return !hasUsageObject(text) && !text.includes(DONE) && !text.includes(ERROR);
}

/** `"usage":` followed by an object, not by `null`. */
function hasUsageObject(text: string): boolean {
  let at = text.indexOf(USAGE);
  while (at !== -1) {
    const value = skipSpaces(text, at + USAGE.length);
    if (text[value] === '{') return true;
    at = text.indexOf(USAGE, value);
  }
  return false;
}

function isDone(event: string): boolean {
  return event.includes(DONE) && /^data:\s*\[DONE\]\s*$/m.test(event);
}

/** The JSON object of an event, or `null` where there is none: comments, other fields, what is no JSON. */
function payloadOf(event: Buffer): Record<string, unknown> | null {
  const text = event
    .toString('utf8')
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length))
    .join('\n');
  try {
    const payload: unknown = JSON.parse(text);
    return typeof payload === 'object' && payload !== null
      ? (payload as Record<string, unknown>)
      : null;
  } catch {
    // Not ours to judge: the client gets the event as it came.
    return null;
  }
}

function skipSpaces(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ') at++;
  return at;
}

function closingQuote(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return Math.min(at, text.length);
}
