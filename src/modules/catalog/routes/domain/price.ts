import { AppError } from '#common/errors/app-error.js';
import { parseUsd, type TokenPrice } from '#common/money/money.js';

/** A price as a request gives it: USD per million tokens, decimal strings or numbers. */
export type GivenPrice = {
  readonly input_per_million: string | number;
  readonly output_per_million: string | number;
  readonly cached_input_per_million?: string | number | null;
};

/** @throws {AppError} `invalid_request` naming the field that is no amount of USD */
export function toTokenPrice(given: GivenPrice): TokenPrice {
  const cached = given.cached_input_per_million ?? null;
  return {
    inputNanosPerMillion: toNanos(given.input_per_million, 'input_per_million'),
    outputNanosPerMillion: toNanos(given.output_per_million, 'output_per_million'),
    cachedInputNanosPerMillion:
      cached === null ? null : toNanos(cached, 'cached_input_per_million'),
  };
}

function toNanos(amount: string | number, field: keyof GivenPrice): bigint {
  const nanos = parseUsd(amount);
  if (nanos === null) throw new AppError('invalid_request', { param: `price.${field}` });
  return nanos;
}
