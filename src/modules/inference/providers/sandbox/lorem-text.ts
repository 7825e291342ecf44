import { MAX_OUTPUT_TOKENS } from './generation.js';
import { type Tokenizer } from './tokenizer.js';

const PASSAGE =
  'Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna ' +
  'aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo consequat. ' +
  'Duis aute irure dolor in reprehenderit in voluptate velit esse cillum dolore eu fugiat nulla pariatur. Excepteur ' +
  'sint occaecat cupidatat non proident, sunt in culpa qui officia deserunt mollit anim id est laborum.';

const DEFAULT_TOKENS = 64;

/**
 * The text that `sandbox/lorem` answers: 64 tokens when the request names no maximum. When it does, the text goes on
 * for longer than the maximum (up to 16,384 tokens), so that the answer is cut at it, as a real model's would be.
 */
export function loremText(maxTokens: number | undefined, tokenizer: Tokenizer): string {
  return loremOf(Math.min((maxTokens ?? DEFAULT_TOKENS - 1) + 1, MAX_OUTPUT_TOKENS), tokenizer);
}

/** Lorem ipsum of exactly `tokenCount` tokens. */
export function loremOf(tokenCount: number, tokenizer: Tokenizer): string {
  const repeats = Math.ceil(tokenCount / tokenizer.count(PASSAGE));
  const text = Array.from({ length: repeats }, () => PASSAGE).join(' ');
  return tokenizer.decode(tokenizer.encode(text).slice(0, tokenCount));
}
