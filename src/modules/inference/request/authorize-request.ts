import { AppError } from '#common/errors/app-error.js';
import { authorize, type KeyView } from '#modules/keys/index.js';

import type { Surface } from '../surface.js';
import { alternativeModels } from './alternative-models.js';
import type { InferenceRequest } from './inference-request.js';
import { requestedOutputTokens } from './output-tokens.js';
import { requestedFeatures } from './requested-features.js';

/** What a key asks for, and when, in milliseconds since the epoch. */
export type AskedFor = {
  readonly request: InferenceRequest;
  readonly surface: Surface;
  readonly now: number;
};

/**
 * Whether a key that was admitted may have what its request asks for; its state is looked at again, because time passes
 * while a body comes in.
 * @returns how many output tokens to ask for where the request names no number; `null` for as many as there are
 * @throws {AppError} every code that `authorize` gives
 */
export function authorizeRequest(
  view: KeyView,
  { request, surface, now }: AskedFor,
): number | null {
  const { model } = request;
  const limit = surface.streams ? view.outputLimitOf(model) : null;
  const outputTokens = limit === null ? null : requestedOutputTokens(request);
  const decision = authorize(view, {
    now,
    neededScopes: 0,
    isReadOnlyRoute: false,
    model,
    alternativeModels: view.restrictsModels ? alternativeModels(request) : undefined,
    // A key that may use all is not asked what it uses.
    features:
      view.deniedFeatures === 0 ? 0 : requestedFeatures(request, surface, view.deniedFeatures),
    outputTokens,
  });
  if (!decision.allowed) throw new AppError(decision.code, decision);
  return outputTokens === null ? limit : null;
}
