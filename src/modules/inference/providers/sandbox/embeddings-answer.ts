import { createHash } from 'node:crypto';

import { assertReadable, invalid, type JsonObject, readInteger } from './request-fields.js';
import { type SandboxAnswer, type SandboxCall } from './sandbox-call.js';
import { countInputTokens, readTextInputs } from './text-inputs.js';
import { type Tokenizer } from './tokenizer.js';

const MAX_INPUTS = 2_048;
const DEFAULT_DIMENSIONS = 256;
const MAX_DIMENSIONS = 3_072;
/** 2,048 inputs of the default size fit; as JSON this is about 10 MB. */
const MAX_NUMBERS = 524_288;

/** `POST /v1/embeddings`. Equal texts have equal vectors of length 1; the vectors of different texts are unrelated. */
export function answerEmbeddings(call: SandboxCall, tokenizer: Tokenizer): SandboxAnswer {
  const inputs = readTextInputs(call.body, 'input', { tokenizer, maxItems: MAX_INPUTS });
  const range = { min: 1, max: MAX_DIMENSIONS };
  const dimensions = readInteger(call.body, 'dimensions', range) ?? DEFAULT_DIMENSIONS;
  if (inputs.length * dimensions > MAX_NUMBERS) {
    throw invalid(
      'dimensions',
      `The sandbox answers at most ${MAX_NUMBERS} numbers: ask for fewer inputs or dimensions.`,
    );
  }
  const encode = readEncoding(call.body);
  assertReadable(inputs.map((input) => input.text));
  const data = inputs.map(({ text }, index) => ({
    object: 'embedding',
    index,
    embedding: encode(embeddingOf(text, dimensions)),
  }));
  const tokens = countInputTokens(inputs, tokenizer);
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  const body = JSON.stringify({ object: 'list', data, model: call.model, usage });
  return { kind: 'json', status: 200, body };
}

function readEncoding(body: JsonObject): (vector: Float32Array) => string | number[] {
  const format = body.encoding_format ?? 'float';
  if (format === 'float') return (vector) => Array.from(vector);
  if (format === 'base64') return base64Of;
  throw invalid('encoding_format', 'encoding_format must be float or base64.');
}

/** SHA-256 of the text, stretched by SHAKE-256 (FIPS 202) to 32 bits a dimension, then scaled to length 1. */
function embeddingOf(text: string, dimensions: number): Float32Array {
  const seed = createHash('sha256').update(text).digest();
  const bytes = createHash('shake256', { outputLength: dimensions * 4 })
    .update(seed)
    .digest();
  // The half keeps every number away from zero, so the length is never zero.
  const raw = Float64Array.from(
    { length: dimensions },
    (_, index) => bytes.readInt32LE(index * 4) + 0.5,
  );
  const length = Math.sqrt(raw.reduce((sum, number) => sum + number * number, 0));
  return Float32Array.from(raw, (number) => number / length);
}

/** Little-endian float32, as OpenAI packs them. */
function base64Of(vector: Float32Array): string {
  const bytes = Buffer.allocUnsafe(vector.length * 4);
  vector.forEach((number, index) => bytes.writeFloatLE(number, index * 4));
  return bytes.toString('base64');
}
