import { AppError } from '#common/errors/app-error.js';
import type { TokenPrice } from '#common/money/money.js';

import { type ModelFacts, pricedContextLength } from '../../shipped/shipped-catalog.js';
import { type GivenPrice, toTokenPrice } from './price.js';

/** What a request says of a new route; what is absent is taken from the catalog where the model is known. */
export type GivenFacts = {
  readonly price?: GivenPrice;
  readonly context_length?: number | null;
  readonly max_output_tokens?: number | null;
};

export type RouteFacts = {
  readonly price: TokenPrice;
  readonly contextLength: number | null;
  readonly maxOutputTokens: number | null;
};

/**
 * The price and limits of a new route. With the catalog's price comes the length up to which it holds.
 * @throws {AppError} `invalid_request` naming `price` when nobody knows it
 */
export function factsOfRoute(given: GivenFacts, known: ModelFacts | null): RouteFacts {
  const price = given.price ? toTokenPrice(given.price) : known?.price;
  if (!price) {
    throw new AppError('invalid_request', {
      message: 'price is needed: the shipped catalog does not know this model at this provider.',
      param: 'price',
    });
  }
  const knownLength = known && (given.price ? known.contextLength : pricedContextLength(known));
  return {
    price,
    contextLength: given.context_length ?? knownLength,
    maxOutputTokens: given.max_output_tokens ?? known?.maxOutputTokens ?? null,
  };
}
