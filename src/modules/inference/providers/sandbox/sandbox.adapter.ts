import { Injectable, type OnModuleInit } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';

import {
  ProviderAdapter,
  type UpstreamCall,
  type UpstreamControl,
  type UpstreamSink,
} from '../../upstream/provider-adapter.js';
import type { InferenceRequest } from '../../request/inference-request.js';
import { upstreamFailure } from '../../upstream/upstream-errors.js';
import { answerSandbox, type SandboxAnswer } from './sandbox-answer.js';
import { parseSandboxControls, type SandboxControls } from './sandbox-request.js';
import { loadTokenizer, type Tokenizer } from './tokenizer.js';

export const SANDBOX_PROVIDER = 'sandbox';
const ID_PREFIX = {
  'chat.completions': 'chatcmpl',
  completions: 'cmpl',
  embeddings: 'embd',
} as const;

/** The built-in provider: it answers from within the process, through the same pipeline as every other. */
@Injectable()
export class SandboxAdapter extends ProviderAdapter implements OnModuleInit {
  #tokenizer: Tokenizer | null = null;

  constructor(private readonly clock: Clock) {
    super();
  }

  async onModuleInit(): Promise<void> {
    this.#tokenizer = await loadTokenizer();
  }

  override send(call: UpstreamCall, sink: UpstreamSink): UpstreamControl {
    const delivery = new Delivery(sink);
    void delivery.run(parseSandboxControls(call.clientHeaders), (controls) =>
      this.#answer(call, controls),
    );
    return delivery;
  }

  #answer({ surface, request, requestId }: UpstreamCall, controls: SandboxControls): SandboxAnswer {
    if (!this.#tokenizer) throw new AppError('service_unavailable');
    const id = `${ID_PREFIX[surface.name]}-${requestId.slice(requestId.indexOf('_') + 1)}`;
    return answerSandbox(
      {
        surface: surface.name,
        model: request.model,
        body: limited(request),
        includeUsage: request.stream,
        controls,
        id,
        createdSeconds: Math.floor(this.clock.now() / 1000),
      },
      this.#tokenizer,
    );
  }
}

function limited({ parsed, outputChanges }: InferenceRequest): Readonly<Record<string, unknown>> {
  const changes = outputChanges.map(([{ text }, tokens]) => [text, tokens] as const);
  return { ...parsed, ...Object.fromEntries<unknown>(changes) };
}

/** Plays an answer to the sink at the pace that was asked for, and stops where the sink says so. */
class Delivery implements UpstreamControl {
  readonly #abort = new AbortController();
  #resumed: (() => void) | null = null;
  #paused: Promise<void> | null = null;

  constructor(private readonly sink: UpstreamSink) {}

  pause(): void {
    this.#paused ??= new Promise((resolve) => (this.#resumed = resolve));
  }

  resume(): void {
    this.#resumed?.();
    this.#paused = null;
    this.#resumed = null;
  }

  abort(): void {
    this.#abort.abort();
    this.resume();
  }

  async run(
    controls: SandboxControls,
    answerTo: (controls: SandboxControls) => SandboxAnswer,
  ): Promise<void> {
    try {
      // Never before the caller has the control in its hands.
      await sleep(controls.delayMs ?? 0, undefined, { signal: this.#abort.signal });
      const answer = answerTo(controls);
      if (answer.kind === 'json') this.#deliverJson(answer);
      else await this.#deliverStream(answer, controls.chunkDelayMs ?? 0);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.sink.fail(error instanceof AppError ? error : upstreamFailure(SANDBOX_PROVIDER, error));
    }
  }

  #deliverJson({ status, body }: SandboxAnswer & { kind: 'json' }): void {
    this.sink.head(status, { 'content-type': 'application/json' });
    this.sink.data(Buffer.from(body));
    this.sink.end();
  }

  async #deliverStream(
    { chunks, breaksOff }: SandboxAnswer & { kind: 'stream' },
    chunkDelayMs: number,
  ): Promise<void> {
    const { signal } = this.#abort;
    this.sink.head(200, { 'content-type': 'text/event-stream' });
    for (const chunk of chunks) {
      if (chunkDelayMs > 0) await sleep(chunkDelayMs, undefined, { signal });
      if (this.#paused) await this.#paused;
      if (signal.aborted) return;
      this.sink.data(Buffer.from(chunk));
    }
    if (breaksOff) throw new Error('The sandbox was told to break off.');
    this.sink.end();
  }
}
