import type { Allowance } from '../domain/allowance.js';
import { COST, usedFigureOf } from '../domain/amounts.js';
import { lowestOfEach } from '../domain/lowest-of-each.js';
import type { JournaledLease } from '../journal/journal-lines.js';
import { ShownLimit } from '../rate-limit-headers.js';
import type { Lease } from './lease.js';
import type { LeaseKeeper } from './lease-keeper.service.js';

/** Sets of one key by model; a key that calls more models makes its sets anew. */
const MAX_SETS = 100;

/** The leases that one call takes from, all of them or none, while none of their windows ends. */
export type LeaseSet = {
  readonly leases: readonly Lease[];
  readonly startsAt: number;
  readonly endsAt: number;
  /** Those of which it is written down, before a call goes out, what it takes. */
  readonly journaled: readonly JournaledLease[];
  /** As callers are told of them. */
  readonly ofRequests: readonly ShownLimit[];
  readonly ofTokens: readonly ShownLimit[];
  readonly countsCost: boolean;
};

/** Of the output of calls, how much the last one counts. */
const RECENT = 0.2;
/** Of the first call nobody knows. */
const FIRST_OUTPUT_TOKENS = 256;

/** What binds the calls of one key: its own allowances and those it shares, compiled once. */
export class Account {
  /** By model, where it matters; else there is one. */
  readonly #sets = new Map<string | null, LeaseSet>();
  /** Output tokens of a call, as they were lately, by model. */
  readonly #outputs = new Map<string, number>();
  /** Whether nothing binds a call that costs nothing. */
  readonly isOfCreditOnly: boolean;
  readonly #allowances: readonly Allowance[];
  readonly #namesModels: boolean;

  /** @param matches whether a model is one of a name or pattern */
  constructor(
    allowances: readonly Allowance[],
    private readonly keeper: LeaseKeeper,
    private readonly matches: (pattern: string, model: string) => boolean,
  ) {
    this.#allowances = lowestOfEach(allowances);
    this.isOfCreditOnly = this.#allowances.every(({ metric }) => metric === 'credit');
    this.#namesModels = allowances.some(({ model }) => model !== null);
  }

  get isUnlimited(): boolean {
    return this.#allowances.length === 0;
  }

  /** @param model `null`: nobody knows, so only what counts the calls to all models */
  setOf(model: string | null, now: number): LeaseSet {
    const name = this.#namesModels ? model : null;
    const known = this.#sets.get(name);
    if (known && now < known.endsAt && now >= known.startsAt && !hasForgotten(known)) return known;
    if (this.#sets.size >= MAX_SETS) this.#sets.clear();
    const leases = this.#allowances
      .filter(({ model: pattern }) => pattern === null || this.#isOneOf(pattern, model))
      .map((allowance) => this.keeper.leaseOf(allowance, now));
    const set = {
      leases,
      startsAt: Math.max(0, ...leases.map(({ window }) => window.startsAt)),
      endsAt: Math.min(...leases.map(({ window }) => window.endsAt)),
      journaled: leases
        .filter(({ isParallel, isRate }) => !isParallel && !isRate)
        .map(({ id, window, allowance }) => ({
          allowance: id,
          ...window,
          metric: usedFigureOf(allowance),
        })),
      ofRequests: leases
        .filter(({ allowance }) => allowance.metric === 'requests')
        .map((lease) => new ShownLimit(lease)),
      ofTokens: leases
        .filter(({ allowance }) => allowance.metric.endsWith('_tokens'))
        .map((lease) => new ShownLimit(lease)),
      countsCost: leases.some(({ figure }) => figure === COST),
    };
    this.#sets.set(name, set);
    return set;
  }

  #isOneOf(pattern: string, model: string | null): boolean {
    return model !== null && this.matches(pattern, model);
  }

  /** How many output tokens a call is likely to use, of the most that it may. */
  foreseenOutput(model: string, most: number): number {
    return Math.min(most, Math.ceil(this.#outputs.get(model) ?? FIRST_OUTPUT_TOKENS));
  }

  sawOutput(model: string, tokens: number): void {
    const before = this.#outputs.get(model);
    if (before === undefined && this.#outputs.size >= MAX_SETS) this.#outputs.clear();
    this.#outputs.set(model, (before ?? tokens) * (1 - RECENT) + tokens * RECENT);
  }
}

function hasForgotten({ leases }: LeaseSet): boolean {
  for (const { isForgotten } of leases) if (isForgotten) return true;
  return false;
}
