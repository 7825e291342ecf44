import { AppError } from '#common/errors/app-error.js';

export type JsonObject = Readonly<Record<string, unknown>>;

/** The most text, in UTF-8 bytes, that the sandbox reads of one request: tokenizing more would hold up other requests. */
export const MAX_INPUT_BYTES = 256 * 1024;
/** OpenAI takes four; the length bounds what a search for them can cost. */
const MAX_STOP_SEQUENCES = 4;
const MAX_STOP_LENGTH = 256;
/** Far beyond what a tool or a schema needs, far below what would overflow the stack. */
const MAX_JSON_DEPTH = 64;

export function invalid(param: string, message: string): AppError {
  return new AppError('invalid_request', { param, message });
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A whole number of the body; `undefined` when absent or null. */
export function readInteger(
  body: JsonObject,
  name: string,
  range: { readonly min: number; readonly max: number },
): number | undefined {
  const value = body[name] ?? undefined;
  if (value === undefined) return undefined;
  const { min, max } = range;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    const bounds = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw invalid(name, `${name} must be a whole number ${bounds}.`);
  }
  return value;
}

export function readBoolean(body: JsonObject, name: string): boolean {
  const value = body[name] ?? false;
  if (typeof value !== 'boolean') throw invalid(name, `${name} must be true or false.`);
  return value;
}

/** `stop`: a string or up to four of them. */
export function readStop(body: JsonObject): readonly string[] {
  const value = body.stop ?? [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isStop = (stop: unknown): stop is string =>
    typeof stop === 'string' && stop !== '' && stop.length <= MAX_STOP_LENGTH;
  if (list.length > MAX_STOP_SEQUENCES || !list.every(isStop)) {
    const message = `stop must be a string or up to ${MAX_STOP_SEQUENCES} strings of 1 to ${MAX_STOP_LENGTH} characters.`;
    throw invalid('stop', message);
  }
  return list;
}

/** What chat and legacy completions share. */
export type GenerationFields = {
  readonly choices: number;
  readonly maxTokens: number | undefined;
  readonly stop: readonly string[];
  readonly streams: boolean;
};

export function readGenerationFields(body: JsonObject): GenerationFields {
  const positive = { min: 1, max: Number.MAX_SAFE_INTEGER };
  const oldMaximum = readInteger(body, 'max_tokens', positive);
  return {
    choices: readInteger(body, 'n', { min: 1, max: 8 }) ?? 1,
    maxTokens: readInteger(body, 'max_completion_tokens', positive) ?? oldMaximum,
    stop: readStop(body),
    streams: readBoolean(body, 'stream'),
  };
}

/** Throws `context_length_exceeded` when the texts together are more than {@link MAX_INPUT_BYTES}. */
export function assertReadable(texts: Iterable<string>): void {
  let bytes = 0;
  for (const text of texts) bytes += Buffer.byteLength(text);
  if (bytes <= MAX_INPUT_BYTES) return;
  throw new AppError('context_length_exceeded', {
    message: `The sandbox reads at most ${MAX_INPUT_BYTES / 1024} KiB of text a request; this one has ${Math.ceil(bytes / 1024)} KiB.`,
  });
}

/** The JSON text of a part of the body. Throws `invalid_request` where it is nested too deeply to be walked. */
export function jsonText(value: unknown, param: string): string {
  if (!isNestedWithin(value, MAX_JSON_DEPTH)) {
    throw invalid(param, `${param} is nested more than ${MAX_JSON_DEPTH} levels deep.`);
  }
  return JSON.stringify(value);
}

function isNestedWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0) return false;
  return Object.values(value).every((child) => isNestedWithin(child, levels - 1));
}
