import { isFree } from '#common/money/money.js';
import type { CallSize, ForeseenUse } from '#modules/keys/index.js';
import { amountsOf, COST, OUTPUT_TOKENS, TOTAL_TOKENS } from '#modules/limits/index.js';

import { fittingOutput, worstCostNanos } from '../request/fitting-output.js';
import { parseInferenceRequest } from '../request/inference-request.js';
import { worstCaseOf } from '../request/worst-case.js';
import type { RoutedCall } from './call-allowances.service.js';

/** What {@link CallClaim} would take for a call, of one that nobody has sent. */
export function foreseeUse(
  { view, surface, target }: Omit<RoutedCall, 'request'>,
  { model, inputTokens, maxTokens }: CallSize,
): ForeseenUse {
  const body = Buffer.from(JSON.stringify({ model, max_tokens: maxTokens }));
  const request = parseInferenceRequest(body, surface);
  const ofOutput = worstCaseOf(request, surface, target, view.outputLimitOf(model));
  const worstCase = { ...ofOutput, inputTokens };
  const { price } = target;
  return {
    outputTokens: worstCase.outputTokens,
    isFree: isFree(price),
    amountsWith: (outputTokens) =>
      amountsOf(
        inputTokens,
        outputTokens,
        worstCostNanos(price, inputTokens, outputTokens),
        outputTokens,
      ),
    fit: (left) => {
      const remaining = {
        cost: left(COST),
        outputTokens: left(OUTPUT_TOKENS),
        totalTokens: left(TOTAL_TOKENS),
      };
      return fittingOutput({ worstCase, price, remaining }, view.limits.minOutputTokens);
    },
  };
}
