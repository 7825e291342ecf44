import { Injectable } from '@nestjs/common';

import type { Amounts } from '#modules/limits/index.js';

import type { Refusal } from '../domain/authorize.js';
import type { FeatureMask } from '../domain/features.js';
import type { KeyView } from '../domain/key-view.js';

/** What a call that nobody has sent may use at most. */
export type ForeseenUse = {
  /** What it asks for, or gets where it names no number. */
  readonly outputTokens: number;
  /** Whether it costs nothing, however many tokens it uses. */
  readonly isFree: boolean;
  readonly amountsWith: (outputTokens: number) => Amounts;
  /**
   * How many output tokens it would be held to so that it fits into what is left; `null` where it is refused.
   * @param left of a call’s amount; `Infinity` where nothing limits it
   */
  readonly fit: (left: (figure: number) => number) => number | null;
};

/** What routing refuses a call with. */
export type RoutingRefusal = Refusal & {
  /** The setting of the key's projects that leaves it no provider; `null` where it is no such setting. */
  readonly projectSetting: string | null;
};

export type CallSize = {
  readonly model: string;
  readonly inputTokens: number;
  readonly maxTokens: number | undefined;
};

/** What is to be known of a call to a model without its body, and of what becomes of it once its key may make it. */
export type CallForeseer = {
  /** Features that every call on this route with this model uses. */
  readonly impliedFeatures: (url: string, model: string | undefined) => FeatureMask;
  /** Whether calls on this route ask for output tokens. */
  readonly asksForOutput: (url: string) => boolean;
  /** `null` where the call would be sent to a provider, or the sandbox. */
  readonly routingRefusal: (view: KeyView, model: string) => Promise<RoutingRefusal | null>;
  /** Of a call that {@link routingRefusal} has nothing against. */
  readonly mostUse: (view: KeyView, url: string, size: CallSize) => Promise<ForeseenUse>;
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
