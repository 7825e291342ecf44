import { Injectable } from '@nestjs/common';

import type { Refusal } from '../domain/authorize.js';
import type { FeatureMask } from '../domain/features.js';
import type { KeyView } from '../domain/key-view.js';

/** What is to be known of a call to a model without its body, and of what becomes of it once its key may make it. */
export type CallForeseer = {
  /** Features that every call on this route with this model uses. */
  readonly impliedFeatures: (url: string, model: string | undefined) => FeatureMask;
  /** Whether calls on this route ask for output tokens. */
  readonly asksForOutput: (url: string) => boolean;
  /** `null` where the call would be sent to a provider, or the sandbox. */
  readonly routingRefusal: (view: KeyView, model: string) => Promise<Refusal | null>;
};

/**
 * Where the inference module, which may use this module and not the other way round, says what only it knows of calls.
 * It does so while the application starts.
 */
@Injectable()
export class CallOutlook {
  #foreseer: CallForeseer | null = null;

  foreseeWith(foreseer: CallForeseer): void {
    this.#foreseer = foreseer;
  }

  get calls(): CallForeseer {
    if (!this.#foreseer) throw new Error('Nobody has said what becomes of calls.');
    return this.#foreseer;
  }
}
