import type { Surface } from '../surface.js';
import type { Target } from '../upstream/provider-adapter.js';
import type { InferenceRequest } from './inference-request.js';
import { requestedOutputTokens } from './output-tokens.js';
import { requestedChoices } from './requested-choices.js';
import { type InputTarget, unseenInput } from './unseen-input.js';

/** Of a choice, where neither the request, nor the key, nor the route names a number; then the provider is told it. */
export const DEFAULT_MAX_OUTPUT = 4_096;

/** What a call uses at most: so much is reserved before it is made. */
export type WorstCase = {
  readonly inputTokens: number;
  /** Of all choices. */
  readonly outputTokens: number;
  readonly choices: number;
  /** 0 for a surface that generates no text. */
  readonly maxOutputPerChoice: number;
  /** Whether nothing but a lower `max_tokens` makes the provider keep to {@link maxOutputPerChoice}. */
  readonly mustTellProvider: boolean;
};

type WorstCaseTarget = InputTarget & Pick<Target, 'maxOutputTokens'>;

/**
 * An upper bound of a call's tokens, from its bytes and without reading its text.
 *
 * Input: a token is one byte of the body at least. Tokenizers of language models cut bytes into pieces (byte-pair
 * encodings), or characters with single bytes where they know none (SentencePiece); JSON writes no byte of a text as
 * less than one, an escape as more; a token that is given by number takes a digit and a comma; what a chat template puts
 * around a message is less than `{"role":"user","content":""}`. What costs tokens without bytes is added
 * ({@link unseenInput}). Not covered are tokenizers that first make several characters of one (Unicode's NFKC), for texts
 * of such characters only; the settlement charges what was really used.
 *
 * Output: for each choice the least of what the request asks for, the key's cap and the route's `max_output_tokens`, or
 * {@link DEFAULT_MAX_OUTPUT} where none is known.
 * @param keyOutputLimit the key's cap for the model; `null`: none
 * @throws {AppError} `invalid_request` naming the member: a number that is none, or a name in other letters
 */
export function worstCaseOf(
  request: InferenceRequest,
  surface: Surface,
  target: WorstCaseTarget,
  keyOutputLimit: number | null,
): WorstCase {
  const { tokens, imageBytes } = unseenInput(request, target);
  const inputTokens = request.body.length - imageBytes + tokens;
  if (!surface.streams) {
    return {
      inputTokens,
      outputTokens: 0,
      choices: 1,
      maxOutputPerChoice: 0,
      mustTellProvider: false,
    };
  }
  const choices = requestedChoices(request);
  const requested = requestedOutputTokens(request);
  const allowed = least(requested, keyOutputLimit);
  const maxOutputPerChoice = least(allowed, target.maxOutputTokens) ?? DEFAULT_MAX_OUTPUT;
  // Who names no number gets the key's cap.
  const told = requested ?? keyOutputLimit;
  return {
    inputTokens,
    outputTokens: Math.min(choices * maxOutputPerChoice, Number.MAX_SAFE_INTEGER),
    choices,
    maxOutputPerChoice,
    // A provider keeps to its own cap when it is told nothing. Told more, who knows.
    mustTellProvider: told === null ? target.maxOutputTokens === null : told > maxOutputPerChoice,
  };
}

function least(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
