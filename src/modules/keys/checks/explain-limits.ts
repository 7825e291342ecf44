import { formatUsd } from '#common/money/money.js';
import {
  type Allowance,
  COST,
  describeLimit,
  figureOf,
  type KnownLimit,
  limitCode,
  OUTPUT_TOKENS,
} from '#modules/limits/index.js';

import type { CallLimits } from '../domain/call-limits.js';
import type { Outcome, TraceEntry } from '../domain/explain.js';
import type { ForeseenUse } from './call-outlook.js';

const RULE = 'limit';

/** A call that nobody has sent, as its limits look at it. */
export type LimitedCall = {
  readonly limits: CallLimits;
  /** What it may use at most; or why nobody knows, in words. */
  readonly use: ForeseenUse | string;
  /** Whether {@link use} knows the input; else it is that of a call without any. */
  readonly knowsInput: boolean;
};

export type LimitsVerdict = {
  /** Of the refusal; `null` where each limit has room for the call. */
  readonly code: ReturnType<typeof limitCode> | null;
  readonly trace: readonly TraceEntry[];
};

/** How many output tokens the call would be held to, and what stands in its way then. */
type Fit = {
  readonly outputTokens: number;
  /** One call may not cost so much, even if it is held to fewer. */
  readonly isTooDear: boolean;
  /** What would stand in its way if it were not held to fewer. */
  readonly lacking: ReadonlySet<KnownLimit>;
  readonly isRefused: boolean;
};

export function explainNoLimit(outcome: Outcome, detail: string): TraceEntry {
  return { rule: RULE, outcome, detail };
}

/** What each limit says of a call, in the order in which they refuse: as real calls are decided on, but nothing is taken. */
export function explainLimits(known: readonly KnownLimit[], call: LimitedCall): LimitsVerdict {
  const fit = fitOf(known, call);
  const first = known.find((limit) => fit.lacking.has(limit));
  const trace = [
    ...explainOneCall(call, fit),
    ...known.map((limit) => explainLimit(limit, call, fit)),
  ];
  if (fit.isTooDear) return { code: 'budget_exceeded', trace };
  return { code: fit.isRefused && first ? limitCode(first.state) : null, trace };
}

function fitOf(known: readonly KnownLimit[], call: LimitedCall): Fit {
  const { use, limits } = call;
  const lackingWith = (outputTokens: number): Set<KnownLimit> =>
    new Set(known.filter((limit) => lacks(limit, outputTokens, call)));
  if (typeof use === 'string') {
    const lacking = lackingWith(0);
    return { outputTokens: 0, isTooDear: false, lacking, isRefused: lacking.size > 0 };
  }
  const mostCost = limits.costPerRequest ?? Infinity;
  const ofOne = use.fit((figure) => (figure === COST ? mostCost : Infinity));
  const isTooDear = ofOne === null;
  const wanted = ofOne ?? use.outputTokens;
  const lacking = lackingWith(wanted);
  const refused = { outputTokens: wanted, isTooDear, lacking, isRefused: true };
  if (isTooDear) return refused;
  if (lacking.size === 0) return { ...refused, isRefused: false };
  const less = use.fit((figure) =>
    Math.min(leftOf(known, figure), figure === COST ? mostCost : Infinity),
  );
  if (less === null || lackingWith(less).size > 0) return refused;
  return { outputTokens: less, isTooDear, lacking, isRefused: false };
}

function leftOf(known: readonly KnownLimit[], figure: number): number {
  return Math.min(
    ...known.filter(({ allowance }) => figureOf(allowance) === figure).map(({ left }) => left),
  );
}

function lacks(limit: KnownLimit, outputTokens: number, { use, limits }: LimitedCall): boolean {
  const { allowance, left, inLine } = limit;
  if (isUnknownModel(allowance, use)) return false;
  if (allowance.metric === 'parallel_requests') return left < 1 && inLine >= limits.maxQueued;
  // Of what nobody knows, and of what is only foreseen, it is sure that nothing left is too little.
  const amount = amountOf(allowance, outputTokens, use) ?? 1;
  const needed = isForeseen(allowance) ? Math.min(amount, 1) : amount;
  return needed > 0 && left < needed;
}

/** `null` where nobody knows. */
function amountOf(
  allowance: Allowance,
  outputTokens: number,
  use: LimitedCall['use'],
): number | null {
  if (allowance.metric === 'requests' || allowance.metric === 'parallel_requests') return 1;
  if (typeof use === 'string') return null;
  const figure = isForeseen(allowance) ? OUTPUT_TOKENS : figureOf(allowance);
  return use.amountsWith(outputTokens)[figure] ?? 0;
}

/** Of output tokens in a minute, a call takes what the key's calls used lately. */
function isForeseen({ metric, window }: Allowance): boolean {
  return metric === 'output_tokens' && window === 'minute';
}

/** It is not known whether the limit binds the call. */
function isUnknownModel({ model }: Allowance, use: LimitedCall['use']): boolean {
  return model !== null && typeof use === 'string';
}

function explainOneCall({ limits, use, knowsInput }: LimitedCall, fit: Fit): TraceEntry[] {
  const { costPerRequest } = limits;
  if (costPerRequest === null) return [];
  const has = `One call of this API key may cost ${usd(costPerRequest)} at most.`;
  if (typeof use === 'string') return [explainNoLimit('not_evaluated', `${has} ${use}`)];
  const asked = use.amountsWith(use.outputTokens)[COST] ?? 0;
  const takes = `${has} This one may cost ${usd(asked)}.`;
  if (fit.isTooDear) return [explainNoLimit('deny', takes)];
  if (!knowsInput && !use.isFree) {
    return [explainNoLimit('not_evaluated', `${takes} Give input_tokens to know.`)];
  }
  const held = asked > costPerRequest ? ` ${lowered(fit)}` : '';
  return [explainNoLimit('allow', `${takes}${held}`)];
}

function explainLimit(limit: KnownLimit, call: LimitedCall, fit: Fit): TraceEntry {
  const { state, allowance, left, inLine } = limit;
  const { outcome, because } = outcomeOf(limit, call, fit);
  const [used, held, rest] = [state.used, state.reserved, shown(allowance, left)];
  const until = state.resets_at === null ? '' : `, until ${state.resets_at}`;
  const line = inLine > 0 ? ` Waiting in line: ${inLine}.` : '';
  const detail = `${describeLimit(state)}: ${used} used, ${held} held, ${rest} left${until}.${line} ${because}`;
  return { rule: RULE, outcome, detail, limit: state };
}

function outcomeOf(
  limit: KnownLimit,
  { use, knowsInput }: LimitedCall,
  fit: Fit,
): { readonly outcome: Outcome; readonly because: string } {
  const { allowance, left } = limit;
  const amount = amountOf(allowance, fit.outputTokens, use);
  const takes = takesText(allowance, amount);
  if (fit.lacking.has(limit)) {
    return fit.isRefused
      ? { outcome: 'deny', because: takes }
      : { outcome: 'allow', because: `${takes} ${lowered(fit)}` };
  }
  const unknown = unknownText(limit, { use, knowsInput }, amount);
  if (unknown !== null) return { outcome: 'not_evaluated', because: unknown };
  if (allowance.metric === 'parallel_requests' && left < 1) {
    return { outcome: 'allow', because: 'The call would wait in line for one of them to end.' };
  }
  return { outcome: 'allow', because: takes };
}

/** Why it can’t be said whether there is room; `null` where it can. */
function unknownText(
  { allowance, left }: KnownLimit,
  { use, knowsInput }: Pick<LimitedCall, 'use' | 'knowsInput'>,
  amount: number | null,
): string | null {
  if (typeof use === 'string') {
    return amount === null || isUnknownModel(allowance, use) ? use : null;
  }
  if (isForeseen(allowance) && left < (amount ?? 0)) {
    return `The call takes what such calls used lately, ${amount} at most.`;
  }
  if (knowsInput || !looksAtInput(allowance) || (allowance.metric === 'cost' && use.isFree)) {
    return null;
  }
  return `Without its input the call takes ${shown(allowance, amount ?? 0)}. Give input_tokens to know.`;
}

function looksAtInput({ metric }: Allowance): boolean {
  return metric === 'input_tokens' || metric === 'total_tokens' || metric === 'cost';
}

function takesText(allowance: Allowance, amount: number | null): string {
  return amount === null
    ? 'There is nothing left for any call.'
    : `The call takes ${shown(allowance, amount)}${amount > 1 ? ' at most' : ''}.`;
}

function lowered({ outputTokens }: Fit): string {
  return `Its max_tokens would be lowered to ${outputTokens}, so that it fits.`;
}

function shown({ metric }: Allowance, amount: number): string {
  return metric === 'cost' ? usd(amount) : String(Math.max(0, amount));
}

function usd(nanos: number): string {
  return `${formatUsd(BigInt(Math.max(0, Math.round(nanos))))} USD`;
}
