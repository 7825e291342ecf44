import { Injectable } from '@nestjs/common';

import type { ErrorCode } from '#common/errors/error-codes.js';
import { type KnownLimit, ReadLimitsService } from '#modules/limits/index.js';

import type { TraceEntry } from '../domain/explain.js';
import type { KeyView } from '../domain/key-view.js';
import { compileNames } from '../domain/matching/names.js';
import { CallOutlook, type ForeseenUse } from './call-outlook.js';
import { explainLimits, explainNoLimit } from './explain-limits.js';

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
  ) {}

  /** @param call `null`: what is asked for calls no model; `undefined`: nothing is known of it */
  async judge(view: KeyView, call: CallToJudge | null | undefined): Promise<LimitsJudgement> {
    const known = await this.bindingOn(view, call?.model);
    if (call === null) {
      const detail = 'Limits look at calls to models only.';
      return { code: null, trace: [explainNoLimit('not_evaluated', detail)], known };
    }
    if (known.length === 0 && view.limits.costPerRequest === null) {
      const detail = 'No limit binds the call.';
      return { code: null, trace: [explainNoLimit('not_restricted', detail)], known };
    }
    const limited = {
      limits: view.limits,
      use: await this.#useOf(view, call),
      knowsInput: call?.inputTokens !== undefined,
    };
    return { ...explainLimits(known, limited), known };
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
