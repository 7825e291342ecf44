import { Injectable } from '@nestjs/common';

import type { ErrorCode } from '#common/errors/error-codes.js';
import { COST, CreditFunds, type KnownLimit, ReadLimitsService } from '#modules/limits/index.js';

import type { Outcome, TraceEntry } from '../domain/explain.js';
import type { KeyView } from '../domain/key-view.js';
import { compileNames } from '../domain/matching/names.js';
import { CallOutlook, type ForeseenUse } from './call-outlook.js';
import { explainLimits, explainNoLimit, type LimitedCall } from './explain-limits.js';

/** A call to a model that nobody has sent, as far as it is said. */
export type CallToJudge = {
  /** Of the route. */
  readonly url: string;
  readonly model: string | undefined;
  /** Whether the model has a route that the key may use. */
  readonly isRouted: boolean;
  readonly inputTokens: number | undefined;
  readonly maxTokens: number | undefined;
};

type LimitsJudgement = {
  /** Of the refusal; `null` where there is none. */
  readonly code: ErrorCode | null;
  readonly trace: readonly TraceEntry[];
  /** Those that bind the call, or may, as far as it is known. */
  readonly known: readonly KnownLimit[];
};

/** Whether the limits of a key have room for a call that nobody has sent. Nothing is taken. */
@Injectable()
export class JudgeLimitsService {
  constructor(
    private readonly limits: ReadLimitsService,
    private readonly outlook: CallOutlook,
    private readonly credit: CreditFunds,
  ) {}

  /** @param call `null`: what is asked for calls no model; `undefined`: nothing is known of it */
  async judge(view: KeyView, call: CallToJudge | null | undefined): Promise<LimitsJudgement> {
    const known = await this.bindingOn(view, call?.model);
    if (call === null) {
      const detail = 'Limits look at calls to models only.';
      const unpaid = creditEntry('not_evaluated', 'Credit pays for calls to models only.');
      return { code: null, trace: [explainNoLimit('not_evaluated', detail), unpaid], known };
    }
    const use = await this.#useOf(view, call);
    const knowsInput = call?.inputTokens !== undefined;
    const limited = this.#explain(view, known, { use, knowsInput });
    const credit = await this.#judgeCredit(view.organizationId, use);
    return {
      code: limited.code ?? credit.code,
      trace: [...limited.trace, credit.entry],
      known,
    };
  }

  #explain(
    { limits }: KeyView,
    known: readonly KnownLimit[],
    foreseen: Pick<LimitedCall, 'use' | 'knowsInput'>,
  ): Pick<LimitsJudgement, 'code' | 'trace'> {
    if (known.length > 0 || limits.costPerRequest !== null) {
      return explainLimits(known, { limits, ...foreseen });
    }
    const detail = 'No limit binds the call.';
    return { code: null, trace: [explainNoLimit('not_restricted', detail)] };
  }

  /** How much there is, is not for everybody who may ask about keys. */
  async #judgeCredit(
    organizationId: string,
    use: ForeseenUse | string,
  ): Promise<{ code: 'insufficient_credits' | null; entry: TraceEntry }> {
    const allowed = (outcome: Outcome, detail: string) =>
      ({ code: null, entry: creditEntry(outcome, detail) }) as const;
    if (typeof use === 'string') return allowed('not_evaluated', use);
    if (use.isFree)
      return allowed('not_restricted', 'The call costs nothing, so it needs no credit.');
    const left = Number(await this.credit.freeOf(organizationId));
    if (use.fit((figure) => (figure === COST ? left : Infinity)) !== null) {
      return allowed('allow', 'The organization has credit for the call.');
    }
    const detail =
      'What the call may cost does not fit into what is left of the organization’s credit.';
    return { code: 'insufficient_credits', entry: creditEntry('deny', detail) };
  }

  /** @param model `undefined`: any */
  async bindingOn(view: KeyView, model: string | undefined): Promise<KnownLimit[]> {
    const known = await this.limits.ofKey(view.organizationId, view, view.limits.allowances);
    if (model === undefined) return known;
    return known.filter(
      ({ allowance }) => allowance.model === null || compileNames([allowance.model])(model),
    );
  }

  async #useOf(view: KeyView, call: CallToJudge | undefined): Promise<ForeseenUse | string> {
    if (call?.model === undefined) return 'Give model to know.';
    const { url, model, isRouted, inputTokens = 0, maxTokens } = call;
    if (!isRouted) return 'The call is not routed, so nobody knows what it takes.';
    return this.outlook.calls.mostUse(view, url, { model, inputTokens, maxTokens });
  }
}

function creditEntry(outcome: Outcome, detail: string): TraceEntry {
  return { rule: 'credit', outcome, detail };
}
