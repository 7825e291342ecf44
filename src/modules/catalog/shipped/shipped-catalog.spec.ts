import { describe, expect, it } from 'vitest';

import { loadShippedCatalog, pricedContextLength } from './shipped-catalog.js';

const catalog = loadShippedCatalog();
const models = catalog.providers.flatMap(({ name, models: own }) =>
  own.map((model) => ({ name: `${name} ${model.id}`, model })),
);
const NANOS_PER_MICRO_DOLLAR = 1_000n;

describe('the shipped catalog', () => {
  it('is dated and has every provider whose key the environment may give', () => {
    expect(catalog.version).toMatch(/^20\d\d-\d\d-\d\d$/);
    expect(catalog.providers.map(({ name }) => name)).toEqual([
      'openai',
      'anthropic',
      'openrouter',
      'groq',
      'mistral',
      'gemini',
    ]);
  });

  it.each(catalog.providers)(
    'says of $name where it is and where its prices are from',
    (provider) => {
      const baseUrl = new URL(provider.baseUrl);
      expect(baseUrl.protocol).toBe('https:');
      expect(baseUrl.search + baseUrl.hash + baseUrl.username).toBe('');
      expect(provider.baseUrl).not.toMatch(/\/$/);
      expect(provider.kind).toBe('openai-compatible');
      expect(new URL(provider.source).protocol).toBe('https:');
      expect(new Date(provider.asOf).toISOString().slice(0, 10)).toBe(provider.asOf);
      expect(provider.asOf <= catalog.version).toBe(true);
    },
  );

  it.each(catalog.providers)('has several models of $name, each once', ({ models: own }) => {
    expect(own.length).toBeGreaterThanOrEqual(4);
    expect(new Set(own.map(({ id }) => id)).size).toBe(own.length);
  });

  it.each(models)('has a plausible price for $name', ({ model }) => {
    const { inputNanosPerMillion: input, outputNanosPerMillion: output } = model.price;
    const cached = model.price.cachedInputNanosPerMillion ?? input;
    // One cent to a thousand dollars a million tokens: a slip by a factor of a thousand falls out of it.
    expect(input).toBeGreaterThanOrEqual(10_000_000n);
    expect(input).toBeLessThanOrEqual(1_000_000_000_000n);
    expect(output).toBeLessThanOrEqual(1_000_000_000_000n);
    expect(cached).toBeLessThanOrEqual(input);
    expect((input % NANOS_PER_MICRO_DOLLAR) + (output % NANOS_PER_MICRO_DOLLAR)).toBe(0n);
    if (!model.modalities.output.includes('embedding'))
      expect(output).toBeGreaterThanOrEqual(input);
  });

  it.each(models)('has bounds and modalities that fit together for $name', ({ model }) => {
    const { contextLength, maxOutputTokens, priceHoldsTo, modalities } = model;
    expect(model.id).toMatch(/^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}$/);
    expect(model.id).not.toMatch(/latest$/);
    if (contextLength !== null) expect(contextLength).toBeGreaterThan(maxOutputTokens ?? 0);
    if (priceHoldsTo !== null) expect(priceHoldsTo).toBeLessThan(contextLength ?? 0);
    expect(modalities.input).toContain('text');
    expect(modalities.output).toHaveLength(1);
  });
});

describe('factsOf', () => {
  it('goes by the origin before the name, so a renamed provider is still known', () => {
    const mine = { name: 'my-provider', origin: 'https://api.openai.com' };
    expect(catalog.factsOf(mine, 'gpt-4o-mini')?.price).toEqual({
      inputNanosPerMillion: 150_000_000n,
      outputNanosPerMillion: 600_000_000n,
      cachedInputNanosPerMillion: 75_000_000n,
    });
  });

  it('goes by the name where the origin is not known, as behind a proxy', () => {
    const proxied = { name: 'openai', origin: 'http://127.0.0.1:9' };
    expect(catalog.factsOf(proxied, 'gpt-4o-mini')?.maxOutputTokens).toBe(16_384);
  });

  it('knows nothing of other providers and models', () => {
    expect(
      catalog.factsOf({ name: 'mine', origin: 'http://127.0.0.1:9' }, 'gpt-4o-mini'),
    ).toBeNull();
    expect(
      catalog.factsOf({ name: 'openai', origin: 'https://api.openai.com' }, 'nope'),
    ).toBeNull();
  });
});

describe('pricedContextLength', () => {
  it('ends where the one price of a route would no longer be true', () => {
    const facts = catalog.factsOf({ name: 'anthropic', origin: '' }, 'claude-haiku-5-5');
    expect(facts && pricedContextLength(facts)).toBe(100_000);
  });
});
