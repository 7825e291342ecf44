import { generate, type Generation, usageOf } from './generation.js';
import { loremText } from './lorem-text.js';
import {
  assertReadable,
  type GenerationFields,
  invalid,
  readGenerationFields,
} from './request-fields.js';
import {
  LOREM_MODEL,
  type SandboxAnswer,
  type SandboxCall,
  SYSTEM_FINGERPRINT,
} from './sandbox-call.js';
import { groupPieces, sseStream } from './sse.js';
import { countInputTokens, readTextInputs } from './text-inputs.js';
import { type Tokenizer } from './tokenizer.js';

/** Prompts times `n`. */
const MAX_CHOICES = 64;

/** `POST /v1/completions`: OpenAI's legacy `text_completion`, of one prompt or a list; the choices of the first come first. */
export function answerCompletion(call: SandboxCall, tokenizer: Tokenizer): SandboxAnswer {
  const fields = readGenerationFields(call.body);
  const prompts = readTextInputs(call.body, 'prompt', { tokenizer, maxItems: MAX_CHOICES });
  if (prompts.length * fields.choices > MAX_CHOICES) {
    throw invalid('n', `prompt and n ask for more than ${MAX_CHOICES} choices together.`);
  }
  assertReadable(prompts.map((prompt) => prompt.text));
  const generations = prompts.flatMap(({ text }) => {
    const generation = generate(answerText(call, text, fields, tokenizer), fields, tokenizer);
    return Array.from({ length: fields.choices }, () => generation);
  });
  const usage = usageOf(
    countInputTokens(prompts, tokenizer),
    generations.reduce((sum, generation) => sum + generation.tokenCount, 0),
  );
  const envelope = {
    id: call.id,
    object: 'text_completion',
    created: call.createdSeconds,
    model: call.model,
    system_fingerprint: SYSTEM_FINGERPRINT,
  };
  if (!fields.streams) {
    const choices = generations.map((generation, index) =>
      choiceOf(index, generation.pieces.join(''), generation.finishReason),
    );
    return { kind: 'json', status: 200, body: JSON.stringify({ ...envelope, choices, usage }) };
  }
  const steps = generations.map((generation, index) =>
    stepsOf(generation, index, generations.length),
  );
  const chunks = sseStream(envelope, steps, call.includeUsage ? usage : undefined);
  return { kind: 'stream', chunks, breaksOff: false };
}

function answerText(
  call: SandboxCall,
  prompt: string,
  fields: GenerationFields,
  tokenizer: Tokenizer,
): string {
  if (call.controls.text !== undefined) return call.controls.text;
  return call.model === LOREM_MODEL ? loremText(fields.maxTokens, tokenizer) : prompt;
}

function choiceOf(index: number, text: string, finishReason: string | null): object {
  return { index, text, logprobs: null, finish_reason: finishReason };
}

function stepsOf(generation: Generation, index: number, choices: number): object[] {
  const steps = groupPieces(generation.pieces, choices).map((text) => choiceOf(index, text, null));
  return [...steps, choiceOf(index, '', generation.finishReason)];
}
