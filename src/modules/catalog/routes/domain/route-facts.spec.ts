import { describe, expect, it } from 'vitest';

import type { ModelFacts } from '../../shipped/shipped-catalog.js';
import { refuseReservedModel } from './reserved-model.js';
import { factsOfRoute } from './route-facts.js';

const KNOWN: ModelFacts = {
  id: 'm',
  price: {
    inputNanosPerMillion: 1n,
    outputNanosPerMillion: 2n,
    cachedInputNanosPerMillion: null,
  },
  contextLength: 1_000,
  maxOutputTokens: 100,
  priceHoldsTo: 200,
  modalities: { input: ['text'], output: ['text'] },
};
const GIVEN = { input_per_million: 3, output_per_million: 4 };

describe('factsOfRoute', () => {
  it('takes the catalog’s price, with the length up to which it holds', () => {
    expect(factsOfRoute({}, KNOWN)).toEqual({
      price: KNOWN.price,
      contextLength: 200,
      maxOutputTokens: 100,
    });
  });

  it('puts what is given before what is known', () => {
    expect(factsOfRoute({ price: GIVEN, context_length: 50, max_output_tokens: 5 }, KNOWN)).toEqual(
      {
        price: {
          inputNanosPerMillion: 3_000_000_000n,
          outputNanosPerMillion: 4_000_000_000n,
          cachedInputNanosPerMillion: null,
        },
        contextLength: 50,
        maxOutputTokens: 5,
      },
    );
  });

  it('takes the whole context where the operator says the price himself', () => {
    expect(factsOfRoute({ price: GIVEN }, KNOWN).contextLength).toBe(1_000);
  });

  it('knows no limits of an unknown model', () => {
    expect(factsOfRoute({ price: GIVEN }, null)).toMatchObject({
      contextLength: null,
      maxOutputTokens: null,
    });
  });

  it('refuses an unknown model without a price', () => {
    expect(() => factsOfRoute({}, null)).toThrow(
      expect.objectContaining({ code: 'invalid_request', param: 'price' }) as Error,
    );
  });
});

describe('refuseReservedModel', () => {
  it.each(['sandbox/echo', 'sandbox/mine', 'SANDBOX/echo', 'auto'])('refuses %s', (model) => {
    expect(() => refuseReservedModel(model)).toThrow(
      expect.objectContaining({ code: 'invalid_request', param: 'model' }) as Error,
    );
  });

  it.each(['sandbox', 'my-sandbox/echo', 'auto-1'])('lets %s pass', (model) => {
    expect(() => refuseReservedModel(model)).not.toThrow();
  });
});
