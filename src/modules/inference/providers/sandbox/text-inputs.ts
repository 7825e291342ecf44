import { AppError } from '#common/errors/app-error.js';

import { invalid, type JsonObject } from './request-fields.js';
import { MAX_TOKEN, type Tokenizer } from './tokenizer.js';

/** A token has at most 128 bytes, so this bounds what token lists decode to. */
const MAX_INPUT_TOKENS = 65_536;

export type TextInput = {
  readonly text: string;
  /** How many tokens the caller sent; `undefined` for a text. */
  readonly givenTokens: number | undefined;
};

type InputLimits = { readonly tokenizer: Tokenizer; readonly maxItems: number };

/**
 * OpenAI's `prompt` and `input`: a text, a list of texts, a list of `o200k_base` tokens, or a list of token lists.
 * Throws `invalid_request`, and `context_length_exceeded` for more than 65,536 given tokens.
 */
export function readTextInputs(body: JsonObject, name: string, limits: InputLimits): TextInput[] {
  const items = splitItems(body[name] ?? undefined, name);
  if (items.length > limits.maxItems) {
    throw invalid(name, `${name} may have at most ${limits.maxItems} items.`);
  }
  const tokens = items.reduce((sum, item) => sum + (typeof item === 'string' ? 0 : item.length), 0);
  if (tokens > MAX_INPUT_TOKENS) {
    const message = `The sandbox reads at most ${MAX_INPUT_TOKENS} tokens a request; this one has ${tokens}.`;
    throw new AppError('context_length_exceeded', { message });
  }
  return items.map((item) => textInput(item, limits.tokenizer));
}

function textInput(item: string | readonly number[], tokenizer: Tokenizer): TextInput {
  if (typeof item === 'string') return { text: item, givenTokens: undefined };
  return { text: tokenizer.decode(item), givenTokens: item.length };
}

export function countInputTokens(inputs: readonly TextInput[], tokenizer: Tokenizer): number {
  return inputs.reduce((sum, input) => sum + (input.givenTokens ?? tokenizer.count(input.text)), 0);
}

function splitItems(value: unknown, name: string): (string | readonly number[])[] {
  if (value === undefined) throw invalid(name, `${name} is missing.`);
  if (typeof value === 'string') return [nonEmpty(value, name)];
  if (!Array.isArray(value)) throw invalid(name, `${name} must be a string or an array.`);
  const list: readonly unknown[] = nonEmpty(value, name);
  if (isTokenList(list)) return [list];
  return list.map((item, index) => itemOf(item, `${name}[${index}]`));
}

function itemOf(item: unknown, param: string): string | readonly number[] {
  if (typeof item === 'string') return nonEmpty(item, param);
  if (isTokenList(item)) return nonEmpty(item, param);
  throw invalid(param, `${param} must be a string or a list of tokens from 0 to ${MAX_TOKEN}.`);
}

function isTokenList(list: unknown): list is readonly number[] {
  const isToken = (token: unknown): boolean =>
    typeof token === 'number' && Number.isInteger(token) && token >= 0 && token <= MAX_TOKEN;
  return Array.isArray(list) && list.every(isToken);
}

function nonEmpty<T extends string | readonly unknown[]>(value: T, param: string): T {
  if (value.length === 0) throw invalid(param, `${param} must not be empty.`);
  return value;
}
