import { type InferenceRequest, MAX_COMPLETION_TOKENS, MAX_TOKENS } from './inference-request.js';
import { wholeNumberOf } from './whole-number.js';

const MOST_TOKENS = 2 ** 31 - 1;

/**
 * How many output tokens the request asks for at most, per choice: of `max_tokens` and `max_completion_tokens` the
 * larger, since each provider reads the one it knows. `null` when neither is given.
 * @throws {AppError} `invalid_request` for one that is no whole number from 1 to 2³¹ − 1, or written in other letters
 */
export function requestedOutputTokens(request: InferenceRequest): number | null {
  const older = wholeNumberOf(request, MAX_TOKENS, MOST_TOKENS);
  const newer = wholeNumberOf(request, MAX_COMPLETION_TOKENS, MOST_TOKENS);
  return older === null || newer === null ? (older ?? newer) : Math.max(older, newer);
}
