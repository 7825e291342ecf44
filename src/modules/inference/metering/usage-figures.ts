import type { TokenCounts } from '#common/money/money.js';

export type UsageFigures = TokenCounts & { readonly reasoningTokens: number };

export const NO_USAGE: UsageFigures = {
  inputTokens: 0,
  outputTokens: 0,
  cachedInputTokens: 0,
  reasoningTokens: 0,
};

/** No honest answer has more; a larger figure is a provider's mistake and must not become a bill. */
const MAX_TOKENS = 100_000_000;

/**
 * Reads OpenAI's `usage` object. `null` when it is absent or has no usable figures: then the gateway counts itself.
 * Output that is not named is what the total has besides the input; of the total nothing else is believed. Details are
 * bounded by their whole, so that no kind of token is counted twice.
 */
export function readUsage(usage: unknown): UsageFigures | null {
  if (typeof usage !== 'object' || usage === null) return null;
  const fields = usage as Record<string, unknown>;
  const inputTokens = tokenCount(fields.prompt_tokens);
  if (inputTokens === null) return null;
  const outputTokens = tokenCount(fields.completion_tokens ?? restOf(fields, inputTokens));
  if (outputTokens === null) return null;
  const cached = detail(fields.prompt_tokens_details, 'cached_tokens');
  const reasoning = detail(fields.completion_tokens_details, 'reasoning_tokens');
  return {
    inputTokens,
    outputTokens,
    cachedInputTokens: Math.min(cached, inputTokens),
    reasoningTokens: Math.min(reasoning, outputTokens),
  };
}

function restOf({ total_tokens: total }: Record<string, unknown>, inputTokens: number): unknown {
  return typeof total === 'number' ? total - inputTokens : null;
}

function detail(details: unknown, name: string): number {
  if (typeof details !== 'object' || details === null) return 0;
  return tokenCount((details as Record<string, unknown>)[name]) ?? 0;
}

function tokenCount(value: unknown): number | null {
  const isCount =
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_TOKENS;
  return isCount ? (value as number) : null;
}
