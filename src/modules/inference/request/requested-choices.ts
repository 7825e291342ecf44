import { JsonName, readMember } from '#common/json/json-members.js';

import { type InferenceRequest, refuseLookalike } from './inference-request.js';
import { wholeNumberOf } from './whole-number.js';

const N = new JsonName('n');
const BEST_OF = new JsonName('best_of');
const PROMPT = new JsonName('prompt');
/** OpenAI's own bound for `n`. */
const MOST_CHOICES = 128;
const OPENING_BRACKET = 0x5b;

/**
 * How many answers are generated, and charged, for one request: `n`, or `best_of` where more are made than are returned;
 * for completions times the number of prompts.
 * @throws {AppError} `invalid_request` for `n` or `best_of` that is no whole number from 1 to 128, or written in other letters
 */
export function requestedChoices(request: InferenceRequest): number {
  const returned = wholeNumberOf(request, N, MOST_CHOICES) ?? 1;
  const made = wholeNumberOf(request, BEST_OF, MOST_CHOICES) ?? 1;
  const choices = Math.max(returned, made);
  return request.surface.name === 'completions' ? choices * promptsOf(request) : choices;
}

/** A list of texts or of token lists has several; a list of tokens is one. */
function promptsOf(request: InferenceRequest): number {
  refuseLookalike(request, PROMPT);
  const member = request.find(PROMPT);
  if (!member || request.body[member.valueStart] !== OPENING_BRACKET) return 1;
  const prompts = readMember(request.body, member) as readonly unknown[];
  return Math.max(1, prompts.filter((prompt) => typeof prompt !== 'number').length);
}
