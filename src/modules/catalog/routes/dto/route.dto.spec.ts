import type { ArgumentMetadata } from '@nestjs/common';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { formatUsd } from '#common/money/money.js';
import { createValidationPipe } from '#platform/http/validation.pipe.js';

import { toTokenPrice } from '../domain/price.js';
import { CreateRouteDto } from './route.dto.js';

const pipe = createValidationPipe();
const PRICE = { input_per_million: '0.15', output_per_million: 0.6 };
const ROUTE = { model: 'gpt-4o-mini', provider_id: 'prov_a', price: PRICE };

function validate(body: unknown): Promise<CreateRouteDto> {
  const metadata = { type: 'body', metatype: CreateRouteDto } as ArgumentMetadata;
  return pipe.transform(body, metadata) as Promise<CreateRouteDto>;
}

describe('CreateRouteDto', () => {
  it.each(['gpt-4o', 'meta-llama/Llama-3:free', 'a@b+c', 'x'.repeat(200)])(
    'takes the model name %s',
    async (model) => {
      await expect(validate({ ...ROUTE, model })).resolves.toMatchObject({ model });
    },
  );

  it.each([
    ['model', { model: '' }],
    ['model', { model: '@preset/x' }],
    ['model', { model: 'gpt 4' }],
    ['model', { model: 'gpt-*' }],
    ['model', { model: 'x'.repeat(201) }],
    ['upstream_model', { upstream_model: '../x' }],
    ['provider_id', { provider_id: 7 }],
    ['priority', { priority: -1 }],
    ['priority', { priority: 1_001 }],
    ['weight', { weight: 0 }],
    ['context_length', { context_length: 0 }],
    ['max_output_tokens', { max_output_tokens: 1e12 }],
    ['price.output_per_million', { price: { input_per_million: 1 } }],
    ['price.per_call', { price: { ...PRICE, per_call: 1 } }],
    ['price', { price: 7 }],
    ['price', { price: [PRICE] }],
    ['price', { price: [] }],
  ])('refuses a wrong %s by its name', async (param, wrong) => {
    await expect(validate({ ...ROUTE, ...wrong })).rejects.toMatchObject({
      code: 'invalid_request',
      param,
    });
  });
});

describe('a price', () => {
  it.each([
    '-1',
    '+1',
    '1e3',
    '0x10',
    '1.0000000001',
    '.5',
    '1.',
    ' 1',
    '',
    'NaN',
    '1000000.01',
    -0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1e21,
    1e-10,
    1.5e-9,
    0.1 + 0.2,
    1_000_001,
    true,
    {},
    ['1'],
  ])('refuses %j rather than rounding or guessing', async (amount) => {
    const price = { ...PRICE, input_per_million: amount };
    await expect(validate({ ...ROUTE, price })).rejects.toMatchObject({
      code: 'invalid_request',
      param: 'price.input_per_million',
    });
  });

  it.each([
    [0, 0n],
    ['0', 0n],
    [2.5, 2_500_000_000n],
    ['0.000000001', 1n],
    [1e-9, 1n],
    [0.0000015, 1_500n],
    ['1000000', 1_000_000_000_000_000n],
  ])('takes %j exactly', async (amount, nanos) => {
    const dto = await validate({ ...ROUTE, price: { ...PRICE, input_per_million: amount } });
    expect(dto.price && toTokenPrice(dto.price)).toEqual({
      inputNanosPerMillion: nanos,
      outputNanosPerMillion: 600_000_000n,
      cachedInputNanosPerMillion: null,
    });
  });

  it('is exact for every amount of nine places, as text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.bigInt({ min: 0n, max: 10n ** 15n }), async (nanos) => {
        const price = { ...PRICE, cached_input_per_million: formatUsd(nanos) };
        const dto = await validate({ ...ROUTE, price });
        expect(dto.price && toTokenPrice(dto.price).cachedInputNanosPerMillion).toBe(nanos);
      }),
      { numRuns: 200 },
    );
  });
});
