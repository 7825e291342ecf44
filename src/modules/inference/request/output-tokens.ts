import { AppError } from '#common/errors/app-error.js';
import { type JsonName, readMember } from '#common/json/json-members.js';

import {
  type InferenceRequest,
  MAX_COMPLETION_TOKENS,
  MAX_TOKENS,
  refuseLookalike,
} from './inference-request.js';

const MOST_TOKENS = 2 ** 31 - 1;

/**
 * How many output tokens the request asks for at most, per choice: of `max_tokens` and `max_completion_tokens` the
 * larger, since each provider reads the one it knows. `null` when neither is given.
 * @throws {AppError} `invalid_request` for one that is no whole number from 1 to 2³¹ − 1, or written in other letters
 */
export function requestedOutputTokens(request: InferenceRequest): number | null {
  const older = tokensOf(request, MAX_TOKENS);
  const newer = tokensOf(request, MAX_COMPLETION_TOKENS);
  return older === null || newer === null ? (older ?? newer) : Math.max(older, newer);
}

function tokensOf(request: InferenceRequest, name: JsonName): number | null {
  if (!request.mentions(name)) return null;
  refuseLookalike(request, name);
  const member = request.find(name);
  const tokens = member ? readMember(request.body, member) : null;
  if (tokens === null) return null;
  if (Number.isInteger(tokens) && (tokens as number) >= 1 && (tokens as number) <= MOST_TOKENS) {
    return tokens as number;
  }
  throw new AppError('invalid_request', {
    message: `${name.text} must be a whole number from 1 to ${MOST_TOKENS}.`,
    param: name.text,
  });
}
