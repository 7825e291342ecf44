import { Injectable } from '@nestjs/common';

import { isFree } from '#common/money/money.js';
import { Clock } from '#common/time/clock.js';
import { KeyAccounts, type KeyView } from '#modules/keys/index.js';
import { type Account, CallLimiter } from '#modules/limits/index.js';

import { TokenCounter } from '../metering/token-counter.js';
import type { InferenceRequest } from '../request/inference-request.js';
import type { Surface } from '../surface.js';
import type { Target } from '../upstream/provider-adapter.js';
import { CallClaim } from './call-claim.js';
import { type AllowanceTools, TakenAllowances } from './taken-allowances.js';

/** A call that is authorized and routed. */
export type RoutedCall = {
  readonly view: KeyView;
  readonly request: InferenceRequest;
  readonly surface: Surface;
  readonly target: Target;
};

type Taken = TakenAllowances | null;
type WhenLeft = (leave: () => void) => void;

/** Takes of a key's limits, and of the budgets it shares, what a call may use at most; both together or nothing. */
@Injectable()
export class CallAllowances {
  readonly #tools: AllowanceTools;

  constructor(
    private readonly limiter: CallLimiter,
    private readonly accounts: KeyAccounts,
    private readonly counter: TokenCounter,
    private readonly clock: Clock,
  ) {
    this.#tools = { limiter, clock };
  }

  /**
   * @param whenLeft is handed what must be called when the client leaves while the call waits
   * @returns what was taken, `null` where nothing limits the call; a promise of it where the store must be asked, or
   * another call of the key must end first
   * @throws {AppError} `rate_limit_exceeded`, `budget_exceeded`, `concurrency_limit_exceeded`, `service_unavailable`
   */
  take(call: RoutedCall, whenLeft: WhenLeft): Taken | Promise<Taken> {
    const account = this.accounts.accountOf(call.view);
    return account instanceof Promise
      ? account.then((found) => this.#take(call, found, whenLeft))
      : this.#take(call, account, whenLeft);
  }

  #take(call: RoutedCall, account: Account, whenLeft: WhenLeft): Taken | Promise<Taken> {
    // What costs nothing needs no credit.
    if (account.isOfCreditOnly && isFree(call.target.price)) return null;
    const set = account.setOf(call.request.model, this.clock.now());
    const claim = new CallClaim(call, account, set, this.counter);
    claim.assertOneCallFits();
    const taken = this.limiter.admit(claim);
    if (!('reserved' in taken)) return new TakenAllowances(taken, claim, this.#tools);
    whenLeft(taken.leave);
    return taken.reserved.then((found) => new TakenAllowances(found, claim, this.#tools));
  }
}
