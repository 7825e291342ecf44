import { answerChat } from './chat-answer.js';
import { answerCompletion } from './completion-answer.js';
import { answerEmbeddings } from './embeddings-answer.js';
import { rememberingTokenizer } from './generation.js';
import { type SandboxAnswer, type SandboxCall } from './sandbox-call.js';
import { sandboxFailure } from './sandbox-failure.js';
import { type SandboxSurface } from './sandbox-request.js';
import { type Tokenizer } from './tokenizer.js';

export type { SandboxAnswer, SandboxCall };

const SURFACES: Readonly<
  Record<SandboxSurface, (call: SandboxCall, tokenizer: Tokenizer) => SandboxAnswer>
> = {
  'chat.completions': answerChat,
  completions: answerCompletion,
  embeddings: answerEmbeddings,
};

/**
 * The sandbox provider: the same call always gets the same answer, in OpenAI's shapes, with real token counts.
 * It does no I/O and does not wait: the delays of the controls are the caller's to keep.
 * Throws `invalid_request` with the field as `param`, and `context_length_exceeded` for more than 256 KiB of text.
 */
export function answerSandbox(call: SandboxCall, tokenizer: Tokenizer): SandboxAnswer {
  const { failStatus, failAfterChunks } = call.controls;
  if (failStatus !== undefined) return sandboxFailure(failStatus);
  const answer = SURFACES[call.surface](call, rememberingTokenizer(tokenizer));
  if (answer.kind === 'json' || failAfterChunks === undefined) return answer;
  const breaksOff = failAfterChunks < answer.chunks.length;
  return { kind: 'stream', chunks: answer.chunks.slice(0, failAfterChunks), breaksOff };
}
