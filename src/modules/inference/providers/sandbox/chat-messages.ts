import { invalid, isObject, type JsonObject } from './request-fields.js';
import { type Tokenizer } from './tokenizer.js';

const ROLES: readonly unknown[] = ['developer', 'system', 'user', 'assistant', 'tool', 'function'];
const MAX_MESSAGES = 4_096;

export type ChatMessage = {
  readonly role: string;
  /** The content, or its text parts joined; other parts (images, audio, files) are not looked at. */
  readonly text: string;
  readonly name: string | undefined;
  /** Names and arguments of the tool calls that an assistant made earlier. */
  readonly calls: readonly string[];
};

/** Reads `messages`; throws `invalid_request` that names the wrong place, such as `messages[2].content`. */
export function readMessages(body: JsonObject): ChatMessage[] {
  const list = body.messages ?? undefined;
  if (list === undefined) throw invalid('messages', 'messages is missing.');
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_MESSAGES) {
    throw invalid('messages', `messages must be a list of 1 to ${MAX_MESSAGES} messages.`);
  }
  return list.map((message: unknown, index) => readMessage(message, `messages[${index}]`));
}

function readMessage(message: unknown, path: string): ChatMessage {
  if (!isObject(message)) throw invalid(path, `${path} must be an object.`);
  const { role, name } = message;
  if (typeof role !== 'string' || !ROLES.includes(role)) {
    throw invalid(`${path}.role`, `${path}.role must be one of ${ROLES.join(', ')}.`);
  }
  return {
    role,
    text: readContent(message, path),
    name: typeof name === 'string' ? name : undefined,
    calls: readCalls(message.tool_calls),
  };
}

function readContent(message: JsonObject, path: string): string {
  const param = `${path}.content`;
  const content = message.content ?? undefined;
  if (typeof content === 'string') return content;
  if (content === undefined && message.role === 'assistant') return '';
  if (Array.isArray(content)) {
    return content
      .map((part: unknown, index) => readPart(part, `${param}[${index}]`))
      .filter((text) => text !== '')
      .join('\n');
  }
  throw invalid(param, `${param} must be a string or a list of content parts.`);
}

function readPart(part: unknown, param: string): string {
  if (!isObject(part) || typeof part.type !== 'string') {
    throw invalid(param, `${param} must be an object with a type.`);
  }
  if (part.type !== 'text') return '';
  if (typeof part.text === 'string') return part.text;
  throw invalid(`${param}.text`, `${param}.text must be a string.`);
}

function readCalls(calls: unknown): string[] {
  if (!Array.isArray(calls)) return [];
  return calls.flatMap((call: unknown) => {
    const called = isObject(call) ? call.function : undefined;
    if (!isObject(called)) return [];
    return [called.name, called.arguments].filter((text) => typeof text === 'string');
  });
}

/** What the model reads of a message, for bounding it. */
export function textsOf(message: ChatMessage): string[] {
  return [message.text, message.name ?? '', ...message.calls];
}

/** The text of the last user message; of the last message when no user speaks. */
export function lastUserText(messages: readonly ChatMessage[]): string {
  const last = messages.findLast((message) => message.role === 'user') ?? messages.at(-1);
  return last?.text ?? '';
}

/**
 * Three tokens around each message, one for a name, three that open the answer: OpenAI's cookbook, "How to count tokens
 * with tiktoken". Earlier tool calls count as their text.
 */
export function countMessages(messages: readonly ChatMessage[], tokenizer: Tokenizer): number {
  return messages.reduce((sum, message) => {
    const texts = [message.role, ...textsOf(message)];
    const inside = texts.reduce((tokens, text) => tokens + tokenizer.count(text), 0);
    return sum + 3 + inside + (message.name === undefined ? 0 : 1);
  }, 3);
}
