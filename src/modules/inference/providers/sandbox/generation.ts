import { type Tokenizer } from './tokenizer.js';

/** The most that the sandbox writes a choice: as long as the longest answer of a common model. */
export const MAX_OUTPUT_TOKENS = 16_384;

export type FinishReason = 'stop' | 'length';

export type Generation = {
  /** The text, a token at a time, whole characters only; joined they are the answer. */
  readonly pieces: readonly string[];
  /** The tokens that were generated, half a character at the cut included. */
  readonly tokenCount: number;
  readonly finishReason: FinishReason;
};

/**
 * Cuts a text as a model would have: at the first stop sequence, which is left out, and after `maxTokens` tokens, or
 * after as many as a model writes at most.
 */
export function generate(
  text: string,
  limits: { readonly maxTokens: number | undefined; readonly stop: readonly string[] },
  tokenizer: Tokenizer,
): Generation {
  const tokens = tokenizer.encode(textBeforeStop(text, limits.stop));
  const maxTokens = Math.min(limits.maxTokens ?? MAX_OUTPUT_TOKENS, MAX_OUTPUT_TOKENS);
  const isCut = tokens.length > maxTokens;
  const kept = isCut ? tokens.slice(0, maxTokens) : tokens;
  return {
    pieces: tokenizer.pieces(kept),
    tokenCount: kept.length,
    finishReason: isCut ? 'length' : 'stop',
  };
}

function textBeforeStop(text: string, stop: readonly string[]): string {
  let shortest = text;
  for (const sequence of stop) {
    const index = shortest.indexOf(sequence);
    if (index !== -1) shortest = shortest.slice(0, index);
  }
  return shortest;
}

/** OpenAI's `usage`. */
export type Usage = {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  readonly completion_tokens_details: { readonly reasoning_tokens: number };
};

export function usageOf(promptTokens: number, completionTokens: number): Usage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

/** An echoed text is also a part of the prompt: within one call nothing is tokenized twice. */
export function rememberingTokenizer(tokenizer: Tokenizer): Tokenizer {
  const encoded = new Map<string, number[]>();
  const encode = (text: string): number[] => {
    const tokens = encoded.get(text) ?? tokenizer.encode(text);
    encoded.set(text, tokens);
    return tokens;
  };
  return { ...tokenizer, encode, count: (text) => encode(text).length };
}
