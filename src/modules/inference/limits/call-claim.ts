import { AppError } from '#common/errors/app-error.js';
import { isFree, usdNumber } from '#common/money/money.js';
import { featureMask } from '#modules/keys/index.js';
import type { Account, Amounts, Claim, LeaseSet } from '#modules/limits/index.js';
import {
  amountsOf,
  COST,
  INPUT_TOKENS,
  OUTPUT_TOKENS,
  TOTAL_TOKENS,
} from '#modules/limits/index.js';

import type { TokenCounter } from '../metering/token-counter.js';
import { exactInputTokens } from '../request/counted-input.js';
import { fittingOutput, holdToOutput, worstCostNanos } from '../request/fitting-output.js';
import { requestedFeatures } from '../request/requested-features.js';
import { type WorstCase, worstCaseOf } from '../request/worst-case.js';
import type { RoutedCall } from './call-allowances.service.js';

const PRIORITY = featureMask(['priority_queue']);
/** Of a call whose limits look at neither tokens nor money. */
const ONE_REQUEST = amountsOf(0, 0, 0, 0);

/**
 * What a call may use at most. Tokens and money are worked out only where a limit asks for them: first from the bytes,
 * then, where that does not fit, by the tokenizer, and then with fewer output tokens.
 */
export class CallClaim implements Claim {
  amounts: Amounts = ONE_REQUEST;
  #perChoice = 0;
  /** What the provider is told of output tokens; `null`: nothing but what the client says. */
  maxTokens: number | null = null;
  #worstCase: WorstCase | null = null;
  #isCounted = false;

  constructor(
    readonly call: RoutedCall,
    readonly account: Account,
    readonly set: LeaseSet,
    private readonly counter: TokenCounter,
  ) {
    const { target, view, surface, request } = call;
    const { costPerRequest } = view.limits;
    const countsCost = !isFree(target.price) && (set.countsCost || costPerRequest !== null);
    if (set.ofTokens.length === 0 && !countsCost) return;
    this.#worstCase = worstCaseOf(request, surface, target, view.outputLimitOf(request.model));
    this.#claim(this.#worstCase, this.#worstCase.maxOutputPerChoice);
  }

  get maxQueued(): number {
    return this.call.view.limits.maxQueued;
  }

  /** Where calls wait for their turn, those come first that ask for priority; their key may use the feature, or it had been refused. */
  get hasPriority(): boolean {
    const { request, surface } = this.call;
    return this.maxQueued > 0 && requestedFeatures(request, surface, PRIORITY) !== 0;
  }

  /** Of a call without a limit of its own, `Infinity`. */
  get #mostCost(): number {
    return this.call.view.limits.costPerRequest ?? Number.POSITIVE_INFINITY;
  }

  /** @throws {AppError} `budget_exceeded` where even with fewer output tokens it may cost more than one call may */
  assertOneCallFits(): void {
    const { costPerRequest, minOutputTokens } = this.call.view.limits;
    if (costPerRequest === null || (this.amounts[COST] ?? 0) <= costPerRequest) return;
    if (this.fit(() => Number.POSITIVE_INFINITY) === null) {
      throw callTooDear(this.call.view.keyId, costPerRequest, minOutputTokens);
    }
  }

  fit(idle: (figure: number) => number): Amounts | null {
    const given = this.#worstCase;
    if (!given) return null;
    const isReadable = given.inputTokens <= idle(INPUT_TOKENS);
    // Counting takes milliseconds: not where another limit is what lacks, or where not even an empty request would fit.
    if (isReadable && this.#fitting(given, idle) === given.maxOutputPerChoice) return null;
    if (this.#fitting({ ...given, inputTokens: 0 }, idle) === null) return null;
    const worstCase = this.#counted(given);
    if (worstCase.inputTokens > idle(INPUT_TOKENS)) return null;
    const perChoice = this.#fitting(worstCase, idle);
    if (perChoice === null) return null;
    this.#claim(worstCase, perChoice);
    return this.amounts;
  }

  #fitting(worstCase: WorstCase, idle: (figure: number) => number): number | null {
    const remaining = {
      cost: Math.min(idle(COST), this.#mostCost),
      outputTokens: idle(OUTPUT_TOKENS),
      totalTokens: idle(TOTAL_TOKENS),
    };
    const { price } = this.call.target;
    return fittingOutput({ worstCase, price, remaining }, this.call.view.limits.minOutputTokens);
  }

  /** Makes the call one that uses no more than was taken for it. */
  hold(): void {
    if (!this.#worstCase) return;
    this.maxTokens = holdToOutput(this.call.request, this.#worstCase, this.#perChoice);
  }

  #claim({ inputTokens, choices }: WorstCase, perChoice: number): void {
    this.#perChoice = perChoice;
    const output = Math.min(perChoice * choices, Number.MAX_SAFE_INTEGER);
    const cost = worstCostNanos(this.call.target.price, inputTokens, output);
    const foreseen = this.account.foreseenOutput(this.call.request.model, output);
    this.amounts = amountsOf(inputTokens, output, cost, foreseen);
  }

  #counted(worstCase: WorstCase): WorstCase {
    if (this.#isCounted) return worstCase;
    const { request, target } = this.call;
    const inputTokens = exactInputTokens(request, target, this.counter);
    this.#isCounted = true;
    this.#worstCase = { ...worstCase, inputTokens };
    return this.#worstCase;
  }
}

function callTooDear(keyId: string, costPerRequest: number, minOutputTokens: number): AppError {
  const limit = usdNumber(BigInt(costPerRequest));
  return new AppError('budget_exceeded', {
    message:
      `One call of this API key may cost ${limit} USD at most. This one may cost more, with ${minOutputTokens} output ` +
      `tokens too. Send less, or ask for fewer output tokens (max_tokens).`,
    // OpenAI's clients try a 429 again, and this one would be refused again.
    headers: { 'x-should-retry': 'false' },
    details: {
      limit: {
        subject: 'key',
        subject_id: keyId,
        metric: 'cost',
        window: 'request',
        model: null,
        limit,
        used: 0,
        reserved: 0,
        remaining: limit,
        resets_at: null,
      },
    },
  });
}
