import { Injectable } from '@nestjs/common';

import type { ProviderAdapter, Target } from '../upstream/provider-adapter.js';
import { OpenAiCompatibleAdapter } from './openai-compatible/openai-compatible.adapter.js';
import { SandboxAdapter } from './sandbox/sandbox.adapter.js';

/** Which adapter speaks to which kind of provider. */
@Injectable()
export class ProviderAdapters {
  constructor(
    private readonly openAiCompatible: OpenAiCompatibleAdapter,
    private readonly sandbox: SandboxAdapter,
  ) {}

  of({ endpoint }: Target): ProviderAdapter {
    return endpoint ? this.openAiCompatible : this.sandbox;
  }
}
