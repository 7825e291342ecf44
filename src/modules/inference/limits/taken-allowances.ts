import type { AppError } from '#common/errors/app-error.js';
import type { Clock } from '#common/time/clock.js';
import type { CallLimiter, Reservation } from '#modules/limits/index.js';
import { addRateLimitHeaders, amountsOf, NO_AMOUNTS } from '#modules/limits/index.js';

import { NO_USAGE, type UsageFigures } from '../metering/usage-figures.js';
import { MAX_TOKENS_HEADER } from '../request/fitting-output.js';
import type { CallClaim } from './call-claim.js';

export type AllowanceTools = { readonly limiter: CallLimiter; readonly clock: Clock };

/** What a running call holds of its limits, until it is settled. */
export class TakenAllowances {
  constructor(
    private readonly reservation: Reservation,
    private readonly claim: CallClaim,
    private readonly tools: AllowanceTools,
  ) {
    claim.hold();
  }

  /**
   * Writes down what is taken, so that it counts if this process dies.
   * @param begun gets why the call must not go out; then nothing is held any more
   */
  begin(begun: (error: AppError | null) => void): void {
    this.tools.limiter.begin(this.reservation, (error) => {
      if (error) this.release();
      begun(error);
    });
  }

  /**
   * Gives back what the call did not use; what it used on top is used all the same. Once.
   * @param usage `null`: nothing
   */
  settle(usage: UsageFigures | null, costNanos: bigint): void {
    const { inputTokens, outputTokens } = usage ?? NO_USAGE;
    const cost = Math.min(Number(costNanos), Number.MAX_SAFE_INTEGER);
    this.tools.limiter.settle(
      this.reservation,
      amountsOf(inputTokens, outputTokens, cost, outputTokens),
    );
    if (usage) this.claim.account.sawOutput(this.claim.call.request.model, outputTokens);
  }

  /** Of a call that did not go out after all. */
  release(): void {
    this.tools.limiter.settle(this.reservation, NO_AMOUNTS);
  }

  /** Adds what the client is told of its limits. */
  addHeaders(headers: Record<string, unknown>): void {
    addRateLimitHeaders(headers, this.reservation.set, this.tools.clock.now());
    if (this.claim.maxTokens !== null) headers[MAX_TOKENS_HEADER] = String(this.claim.maxTokens);
  }
}
