import {
  addAmount,
  type Amounts,
  isLongOver,
  type JournaledLease,
  MAX_ALLOWANCE_LENGTH,
  MAX_LEASES_OF_CALL,
  SUMMED_METRICS,
  type UsedLease,
} from './journal-lines.js';
import type { SegmentWriter } from './segment-writer.js';

type Lease = JournaledLease & { readonly number: number; used: number };

/** What the calls of one set of leases used is summed once, and is the leases' only when it is asked for. */
type LeaseSet = { readonly number: number; leases: readonly Lease[]; readonly used: number[] };

type OpenCall = { readonly set: LeaseSet; readonly reserved: Amounts };

/**
 * What a journal says, in memory: the sum of each lease, and the calls that have not ended. A lease or a set stands here
 * exactly when the live segment defines it.
 */
export class JournaledCalls {
  #setOf = new WeakMap<readonly JournaledLease[], LeaseSet>();
  #sets: LeaseSet[] = [];
  readonly #leases = new Map<string, Lease>();
  readonly #open = new Map<number, OpenCall>();
  #lastLease = 0;
  #lastSet = 0;
  #lastTicket = 0;

  constructor(left: readonly UsedLease[]) {
    for (const lease of left) this.#intern(lease, lease.used);
  }

  /** What was used of each. Only just after {@link prune} it is all. */
  get leases(): UsedLease[] {
    return [...this.#leases.values()].map(({ allowance, startsAt, endsAt, metric, used }) => ({
      allowance,
      startsAt,
      endsAt,
      metric,
      used,
    }));
  }

  /** @throws {RangeError} when a lease or an amount is none that can be written */
  begin(writer: SegmentWriter, leases: readonly JournaledLease[], reserved: Amounts): void {
    assertAmounts(reserved);
    const set = this.#setOf.get(leases) ?? this.#define(writer, leases);
    const ticket = ++this.#lastTicket;
    this.#open.set(ticket, { set, reserved });
    writer.begin(ticket, set.number, reserved);
  }

  /** Takes the ticket of a call that can't begin. */
  skip(): void {
    this.#lastTicket++;
  }

  /**
   * Answers whether there was such a call.
   * @throws {RangeError} when an amount is none that can be written; the call is still open then
   */
  end(ticket: number, used: Amounts): boolean {
    const call = this.#open.get(ticket);
    if (call === undefined) return false;
    assertAmounts(used);
    this.#open.delete(ticket);
    const sums = call.set.used;
    for (let metric = 0; metric < SUMMED_METRICS; metric++) {
      sums[metric] = (sums[metric] as number) + (used[metric] as number);
    }
    return true;
  }

  /** Forgets the calls after the ticket: they were never let out. */
  refuseAfter(last: number): void {
    for (let ticket = last + 1; ticket <= this.#lastTicket; ticket++) this.#open.delete(ticket);
  }

  /** Adds what the sets used to their leases, and forgets what is neither open nor of a window that counts. */
  prune(now: number): void {
    for (const { leases, used } of this.#sets) {
      for (const lease of leases) lease.used = addAmount(lease.used, used[lease.metric] as number);
      used.fill(0);
    }
    for (const [key, lease] of this.#leases) if (isLongOver(lease, now)) this.#leases.delete(key);
    this.#setOf = new WeakMap();
    this.#sets = [...new Set([...this.#open.values()].map(({ set }) => set))];
    for (const set of this.#sets)
      set.leases = set.leases.filter((lease) => !isLongOver(lease, now));
  }

  /** Writes all that was not pruned. */
  writeTo(writer: SegmentWriter): void {
    for (const lease of this.#leases.values()) writer.line(leaseLine(lease));
    for (const set of this.#sets) writer.line(setLine(set));
    for (const [ticket, { set, reserved }] of this.#open)
      writer.begin(ticket, set.number, reserved);
  }

  #define(writer: SegmentWriter, leases: readonly JournaledLease[]): LeaseSet {
    if (leases.length > MAX_LEASES_OF_CALL) throw new RangeError('There are too many leases.');
    // Calls in flight end with their process, so there is nothing to know of parallel requests.
    const summed = leases.filter(({ metric }) => metric < SUMMED_METRICS);
    summed.forEach(assertLease);
    const known = this.#lastLease;
    const own = summed.map((lease) => this.#intern(lease, 0));
    for (const lease of own) if (lease.number > known) writer.line(leaseLine(lease));
    const set = {
      number: ++this.#lastSet,
      leases: own,
      used: new Array<number>(SUMMED_METRICS).fill(0),
    };
    writer.line(setLine(set));
    this.#setOf.set(leases, set);
    this.#sets.push(set);
    return set;
  }

  #intern({ allowance, startsAt, endsAt, metric }: JournaledLease, used: number): Lease {
    const key = `${metric} ${startsAt} ${allowance}`;
    const known = this.#leases.get(key);
    if (known !== undefined) {
      known.used = addAmount(known.used, used);
      return known;
    }
    const lease = { number: ++this.#lastLease, allowance, startsAt, endsAt, metric, used };
    this.#leases.set(key, lease);
    return lease;
  }
}

function leaseLine({ number, metric, startsAt, endsAt, used, allowance }: Lease): string {
  const end = endsAt === Infinity ? '-' : endsAt;
  return `l${number} ${metric} ${startsAt} ${end} ${used} ${JSON.stringify(allowance)}`;
}

function setLine({ number, leases }: LeaseSet): string {
  return `s${number}${leases.map((lease) => ` ${lease.number}`).join('')}`;
}

function assertLease({ allowance, startsAt, endsAt, metric }: JournaledLease): void {
  const isWindow = isFigure(startsAt) && (isFigure(endsAt) || endsAt === Infinity);
  if (!isWindow || !isFigure(metric) || allowance.length > MAX_ALLOWANCE_LENGTH) {
    throw new RangeError('The lease is none that can be written down.');
  }
}

function assertAmounts(amounts: Amounts): void {
  for (let metric = 0; metric < SUMMED_METRICS; metric++) {
    if (!isFigure(amounts[metric] as number)) {
      throw new RangeError('An amount is no whole number from 0 to 2^53 - 1.');
    }
  }
}

function isFigure(value: number): boolean {
  return value >= 0 && Number.isSafeInteger(value);
}
