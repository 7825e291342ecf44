import { visitMembers } from '#common/json/json-members.js';

import type { TokenCounter } from '../metering/token-counter.js';
import type { InferenceRequest } from './inference-request.js';
import { type InputTarget, unseenInput } from './unseen-input.js';

/**
 * By which the count is raised, since providers' tokenizers are others than the one that counts here (`o200k_base`): those
 * with smaller vocabularies cut English and code into up to half as many pieces again.
 */
const MARGIN = 1.5;
/** Around each message, and to open the answer: OpenAI's cookbook, "How to count tokens with tiktoken". */
const TOKENS_PER_MESSAGE = 3;
const TOKENS_PER_ANSWER = 3;
/** Characters that are counted; of what comes behind them each byte is a token. Counting must not hold up other calls. */
const MOST_COUNTED = 16 * 1024;
const DIGITS = /\d/g;

/**
 * The input tokens of a request by the tokenizer: for use near a limit, where the bound by bytes is too coarse. It
 * counts every text of the body, names of members included, raised by half, and each digit as a token of its own, as
 * several tokenizers do; what costs tokens without bytes as `worstCaseOf` does. Never more than the bound by bytes.
 * @throws {AppError} as `worstCaseOf`
 */
export function exactInputTokens(
  request: InferenceRequest,
  target: InputTarget,
  counter: Pick<TokenCounter, 'count'>,
): number {
  const { tokens, imageBytes } = unseenInput(request, target);
  const bytes = request.body.length - imageBytes;
  const reader = new TextReader();
  reader.read(request.parsed);
  // Of keys that stand twice the parsed body has one, and the provider may read the other.
  if (reader.keys !== countKeys(request)) return bytes + tokens;
  const text = reader.texts.join('\n');
  const counted = text.slice(0, MOST_COUNTED);
  const most =
    MARGIN * (counter.count(counted) + reader.messages * TOKENS_PER_MESSAGE + TOKENS_PER_ANSWER) +
    (counted.match(DIGITS)?.length ?? 0) +
    Buffer.byteLength(text.slice(MOST_COUNTED)) +
    reader.givenTokens;
  return Math.min(bytes, Math.ceil(most)) + tokens;
}

function countKeys({ body, members }: InferenceRequest): number {
  let keys = members.length;
  for (const member of members) visitMembers(body, member, () => keys++);
  return keys;
}

/** How numbers and images are read: `tokens`, until an object begins, as `content` but for numbers; `text`: as they stand. */
type Kind = 'tokens' | 'content' | 'text';
const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['messages', 'content'],
  ['prompt', 'tokens'],
  ['input', 'tokens'],
]);

/** Collects all that a model may be given to read, but for images. */
class TextReader {
  readonly texts: string[] = [];
  keys = 0;
  /** Tokens that are given by number. */
  givenTokens = 0;
  messages = 0;

  read(parsed: Readonly<Record<string, unknown>>): void {
    const { messages } = parsed;
    this.messages = Array.isArray(messages) ? messages.length : 0;
    for (const [key, value] of Object.entries(parsed)) {
      this.#readMember(key, value, KINDS.get(key) ?? 'text');
    }
  }

  #readMember(key: string, value: unknown, kind: Kind): void {
    this.keys++;
    this.texts.push(key);
    if (kind === 'content' && key === 'image_url') this.#readImage(value);
    else this.#readValue(value, kind);
  }

  #readValue(value: unknown, kind: Kind): void {
    if (typeof value === 'string') this.texts.push(value);
    else if (typeof value === 'number' && kind === 'tokens') this.givenTokens++;
    else if (Array.isArray(value)) for (const item of value) this.#readValue(item, kind);
    else if (typeof value === 'object' && value !== null) {
      const inside = kind === 'tokens' ? 'content' : kind;
      for (const [key, child] of Object.entries(value)) this.#readMember(key, child, inside);
    } else this.texts.push(String(value));
  }

  /** A URL, or an object with one. */
  #readImage(image: unknown): void {
    if (isImageData(image)) return;
    if (typeof image !== 'object' || image === null || !('url' in image)) {
      this.#readValue(image, 'content');
      return;
    }
    const { url, ...others } = image;
    this.#readValue(isImageData(url) ? others : image, 'content');
    if (isImageData(url)) this.keys++;
  }
}

function isImageData(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('data:image');
}
