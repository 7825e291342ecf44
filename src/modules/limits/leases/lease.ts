import {
  type Allowance,
  allowanceId,
  type AllowanceWindow,
  isShortLived,
} from '../domain/allowance.js';
import { figureOf } from '../domain/amounts.js';
import type { Window } from '../domain/windows.js';
import { type LimitState, limitState } from '../limit-state.js';
import type { LeaseAnswer, RateAnswer } from '../store/allowance-store.port.js';

/** So much of the present rate of use is held in advance … */
const AHEAD_MS = 500;
/** … and asked for anew when there is less than this left. */
const LOW_MS = 150;
/** Of a rate per second so much of its burst at most, so that what instances hold is no second burst. */
const RATE_AHEAD_SHARE = 0.02;
/** Places for parallel requests are held without a call while less than this is taken of all … */
const PLENTY_SHARE = 0.5;
/** … so many of them at most … */
const PARALLEL_AHEAD_SHARE = 0.05;
/** … for so many calls as ran at once lately, and some more … */
const PEAK_MARGIN = 1.25;
/** … of which so many are forgotten with each look at what is idle. */
const PEAK_LOSS = 0.2;
/** A shorter time says too little of a rate. */
const MIN_RATE_MS = 50;
/** How long a store that had nothing left is believed before it is asked again. */
const CLOSED_MS = 50;
const SECOND_MS = 1_000;
const SHARED_WINDOWS: ReadonlySet<AllowanceWindow> = new Set(['second', 'minute', 'hour']);

/** What the store was asked for and told, and when it answered. */
type Asked = { readonly need: number; readonly spent: number; readonly now: number };

/**
 * What this process holds of one allowance in one window: `granted` by the store, of which `spent` is settled and
 * `reserved` is in flight. What is idle is spent without asking anybody. Times are of the monotonic clock.
 */
export class Lease {
  readonly id: string;
  /** Which of a call's amounts counts. */
  readonly figure: number;
  readonly isParallel: boolean;
  /** A limit per second. */
  readonly isRate: boolean;
  /** Which store it is in. */
  readonly isShortLived: boolean;
  /** Its limit is what was paid in, which the store knows. */
  readonly isFunded: boolean;
  /** Whether it goes on without the store, in a share. */
  readonly hasShare: boolean;
  granted = 0;
  spent = 0;
  reserved = 0;
  /** What calls need that wait for the store. */
  waitingFor = 0;
  /** Calls that wait for one of these to end. */
  inLine = 0;
  /** Since when the oldest of them waits, and that of all other instances, as the store said last; `null`: nobody. */
  lineSince: number | null = null;
  othersSince: number | null = null;
  /** Whether the store has it down that calls wait here. */
  isSaidToWait = false;
  /** Below it more is asked for in advance. */
  lowWater = 0;
  /** Whether it takes part in the next exchange. */
  isDirty = false;
  /** Nobody looks after it any more: there may be another lease of the same allowance and window. */
  isForgotten = false;
  /** Until then the store has nothing left. */
  closedUntil = 0;
  lastUsedAt = 0;
  /** `0`: never, so it is not known what the store has us down for. */
  exchangedAt = 0;
  /** Of all holders, as the store said last; `null` before. */
  shared: Pick<LeaseAnswer, 'total' | 'spent' | 'holders' | 'funded'> | null = null;
  /** What is given back of a rate with the next exchange. */
  back = 0;
  /** When it took a share without the store; `null`: it did not since it heard of it. */
  #shareAt: number | null = null;
  /** Of such a share, what the exchange under way gives back. */
  #shareBack = 0;
  /** What was left of a rate beyond that, when it was asked for last. */
  #left = 0;
  #rate = 0;
  /** The most parallel requests there were lately. */
  #peak = 0;
  #usedSince = 0;
  #measuredAt = 0;
  /** What is used or held beyond the limit, as the store said last, without what was made up for since. */
  #over = 0;
  /** What the store has us down for. */
  #told = { granted: 0, spent: 0 };

  constructor(
    public allowance: Allowance,
    readonly window: Window,
  ) {
    this.id = allowanceId(allowance);
    this.figure = figureOf(allowance);
    this.isParallel = allowance.metric === 'parallel_requests';
    this.isRate = allowance.window === 'second';
    this.isShortLived = isShortLived(allowance);
    this.isFunded = allowance.metric === 'credit';
    this.hasShare = SHARED_WINDOWS.has(allowance.window) && allowance.metric !== 'cost';
  }

  get limit(): number {
    return this.isFunded ? (this.shared?.funded ?? 0) : this.allowance.limit;
  }

  /** Can be negative: more was used than could be foreseen. */
  get idle(): number {
    return this.granted - this.spent - this.reserved;
  }

  /** What is left of the allowance, as far as is known here; never below 0. */
  get remaining(): number {
    const ungranted = this.shared ? this.limit - this.shared.total : 0;
    return Math.max(0, this.idle + (this.isRate ? this.#left : ungranted));
  }

  /** As people see it, as far as is known here. */
  get state(): LimitState {
    const used = this.shared?.spent ?? this.spent;
    const reserved = Math.max(0, (this.shared?.total ?? this.granted) - used);
    return limitState({ ...this.allowance, limit: this.limit }, this.window, { used, reserved });
  }

  /** @returns whether it would be good to ask for more now */
  reserve(amount: number, now: number): boolean {
    this.reserved += amount;
    if (this.reserved > this.#peak) this.#peak = this.reserved;
    this.#usedSince += amount;
    this.lastUsedAt = now;
    return this.granted - this.spent - this.reserved < this.lowWater;
  }

  settle(reserved: number, used: number): void {
    const idle = this.idle;
    this.reserved -= reserved;
    // Those of a call that ended are free again; what passed within a second is past.
    if (this.isParallel) return;
    this.spent = Math.min(this.spent + used, Number.MAX_SAFE_INTEGER);
    if (this.#over > 0) this.#makeUp(this.idle - idle);
  }

  /** What comes back while more is used than there is makes up for that, before anybody may use it. */
  #makeUp(freed: number): void {
    const paid = Math.min(Math.max(0, freed), this.#over);
    this.granted -= paid;
    this.#over -= paid;
  }

  /** What is needed at once, and what would be good to have besides. */
  demand(now: number): { need: number; want: number } {
    const need = Math.max(0, this.waitingFor + this.inLine - this.idle);
    this.#measureRate(now);
    const ahead = this.#ahead;
    this.lowWater = Math.floor((ahead * LOW_MS) / AHEAD_MS);
    const want = ahead + this.waitingFor - this.idle - need;
    return { need, want: Math.max(0, want) };
  }

  /** What nobody uses or waits for goes back, now; the store hears of it with the next exchange. */
  giveBack(): void {
    this.#peak = 0;
    this.#rate = 0;
    this.#giveBackBut(0);
  }

  /** Of parallel requests goes back, in good time, what is held for more of them than there are. */
  giveBackUnneeded(): void {
    this.#peak = Math.max(this.reserved, Math.floor(this.#peak * (1 - PEAK_LOSS)));
    this.#giveBackBut(this.#ahead);
  }

  #giveBackBut(kept: number): void {
    const idle = this.idle - this.waitingFor - this.inLine - kept;
    if (idle <= 0) return;
    if (this.isRate) this.back += idle;
    this.granted -= idle;
    this.lowWater = 0;
    // There is something to be had again.
    this.closedUntil = 0;
  }

  /** Whether a call of another instance waits longer than all of this one. */
  get isYielding(): boolean {
    return this.othersSince !== null && this.othersSince < (this.lineSince ?? Infinity);
  }

  /** All that is idle goes back, whoever waits for it here. */
  giveUp(): void {
    this.granted -= Math.max(0, this.idle);
  }

  /** Whether the store knows all that there is to know. */
  get isReported(): boolean {
    if (this.isRate) return this.back === 0;
    return this.granted === this.#told.granted && this.spent === this.#told.spent;
  }

  /** What has been used beyond the grant is told as it is, and what was taken without the store goes back. */
  beforeExchange(): void {
    this.#shareBack = this.#shareAt === null ? 0 : Math.max(0, this.idle);
    if (this.idle < 0 || this.#shareAt !== null) {
      this.granted = Math.min(this.spent + this.reserved, Number.MAX_SAFE_INTEGER);
    }
  }

  /** What did not go back can go on being used. */
  exchangeFailed(): void {
    this.granted += this.#shareBack;
    this.#shareBack = 0;
  }

  /**
   * With the store away a rate goes on in this process’s share, once for a window, at an even pace for a limit per second:
   * of what was left when it was last heard of, and of the whole limit, with what it has had of it. What was left may be
   * old news. Money and quotas of a day or longer do not go on.
   * @param instances among which the rest is shared
   * @returns whether there is more to take now
   */
  takeShare(instances: number, now: number): boolean {
    if (!this.hasShare) return false;
    const { limit, burst } = this.allowance;
    const last = this.#shareAt;
    this.#shareAt = now;
    if (this.isRate) {
      // A first share is that of a second.
      const share = (Math.min(SECOND_MS, now - (last ?? now - SECOND_MS)) / SECOND_MS) * limit;
      const most = Math.floor((burst ?? limit) / instances) - this.idle;
      const taken = Math.min(Math.floor(share / instances), most);
      if (taken <= 0) this.#shareAt = last;
      this.granted += Math.max(0, taken);
      return taken > 0;
    }
    if (last !== null) return false;
    const ofRest = Math.floor((limit - (this.shared?.total ?? 0)) / instances);
    const ofAll = Math.floor(limit / instances) - this.granted;
    const share = Math.max(0, Math.min(ofRest, ofAll));
    this.granted += share;
    return share > 0;
  }

  afterExchange(answer: LeaseAnswer, { need, spent, now }: Asked): void {
    const isFirst = this.exchangedAt === 0;
    if (isFirst) {
      this.granted += answer.kept;
      this.spent += answer.kept;
    }
    this.#told = {
      granted: answer.kept + answer.granted,
      spent: isFirst ? answer.kept : spent,
    };
    this.shared = answer;
    this.#over = Math.max(0, answer.total - this.limit);
    const { othersWaitingMs } = answer;
    this.isSaidToWait = this.lineSince !== null && answer.granted < need;
    this.othersSince = othersWaitingMs === null ? null : now - othersWaitingMs;
    this.#take(answer.granted, need, now);
  }

  /** As {@link afterExchange}, of a rate. */
  afterTaking({ granted, left, nextInMs }: RateAnswer, { need, now }: Asked): void {
    this.#take(granted, need, now);
    this.#left = left;
    if (granted < need) this.closedUntil = now + Math.min(nextInMs, 1_000);
  }

  #take(granted: number, need: number, now: number): void {
    this.#shareBack = 0;
    this.granted += granted;
    this.exchangedAt = now;
    this.#shareAt = null;
    if (granted < need) this.closedUntil = now + CLOSED_MS;
    // There is nothing to be had in advance.
    if (granted <= need) this.lowWater = 0;
  }

  /** What is good to hold beyond what is in use. */
  get #ahead(): number {
    const { limit } = this;
    const { burst } = this.allowance;
    if (this.isParallel) {
      const isPlenty = this.shared !== null && this.shared.total < limit * PLENTY_SHARE;
      const most = isPlenty ? Math.floor(limit * PARALLEL_AHEAD_SHARE) : 0;
      return Math.min(most, Math.ceil(this.#peak * PEAK_MARGIN) - this.reserved);
    }
    const most = this.isRate ? Math.floor((burst ?? limit) * RATE_AHEAD_SHARE) : limit;
    return Math.min(most, Math.floor(this.#rate * AHEAD_MS));
  }

  /** Whether more is to be asked for soon, so that it may as well be now. */
  get runsLow(): boolean {
    return this.idle < 2 * this.lowWater;
  }

  #measureRate(now: number): void {
    const elapsed = now - this.#measuredAt;
    if (elapsed < MIN_RATE_MS) return;
    this.#rate = this.#usedSince / elapsed;
    this.#usedSince = 0;
    this.#measuredAt = now;
  }
}
