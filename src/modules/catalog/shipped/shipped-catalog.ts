import { readFileSync } from 'node:fs';

import type { TokenPrice } from '#common/money/money.js';

type Modality = 'text' | 'image' | 'audio' | 'video' | 'embedding';

/** What is known of one model of one provider. */
export type ModelFacts = {
  /** As the provider calls it. */
  readonly id: string;
  /** The provider's standard price, for prompts of up to `priceHoldsTo` tokens. */
  readonly price: TokenPrice;
  /** Tokens that the model reads and writes together; `null`: not published. */
  readonly contextLength: number | null;
  readonly maxOutputTokens: number | null;
  /** Longer prompts cost more at this provider; `null`: one price for all. */
  readonly priceHoldsTo: number | null;
  readonly modalities: {
    readonly input: readonly Modality[];
    readonly output: readonly Modality[];
  };
};

/** A well-known provider, with where and when its prices were read. */
export type CatalogProvider = {
  readonly name: string;
  readonly kind: 'openai-compatible';
  readonly baseUrl: string;
  readonly source: string;
  readonly asOf: string;
  readonly models: readonly ModelFacts[];
};

type ModelEntry = {
  readonly id: string;
  readonly input: number;
  readonly output: number;
  readonly cached_input?: number;
  readonly context_length: number | null;
  readonly max_output_tokens: number | null;
  readonly price_holds_to?: number;
  readonly modalities: ModelFacts['modalities'];
};

/** The file's shape. Prices are whole nano-dollars per million tokens. */
export type CatalogFile = {
  readonly version: string;
  readonly currency: 'USD';
  readonly unit: 'nano-dollars per million tokens';
  readonly providers: readonly {
    readonly name: string;
    readonly kind: 'openai-compatible';
    readonly base_url: string;
    readonly source: string;
    readonly as_of: string;
    readonly models: readonly ModelEntry[];
  }[];
};

/**
 * The models and prices that Latchkey ships with: a convenience to start from, dated, and never ahead of what an
 * operator says. Only fixed prices of fixed models are in it, so no aliases that move on and no promotions that end.
 */
export class ShippedCatalog {
  readonly version: string;
  readonly providers: readonly CatalogProvider[];

  constructor(file: CatalogFile) {
    this.version = file.version;
    this.providers = file.providers.map((provider) => ({
      name: provider.name,
      kind: provider.kind,
      baseUrl: provider.base_url,
      source: provider.source,
      asOf: provider.as_of,
      models: provider.models.map(toFacts),
    }));
  }

  provider(name: string): CatalogProvider | null {
    return this.providers.find((provider) => provider.name === name) ?? null;
  }

  /**
   * What is known of a model at the provider that has this origin, or else this name.
   * @param model as the provider calls it
   */
  factsOf(
    provider: { readonly origin: string; readonly name: string },
    model: string,
  ): ModelFacts | null {
    const known =
      this.providers.find(({ baseUrl }) => new URL(baseUrl).origin === provider.origin) ??
      this.provider(provider.name);
    return known?.models.find(({ id }) => id === model) ?? null;
  }
}

export function loadShippedCatalog(): ShippedCatalog {
  const text = readFileSync(new URL('./models.catalog.json', import.meta.url), 'utf8');
  return new ShippedCatalog(JSON.parse(text) as CatalogFile);
}

function toFacts(entry: ModelEntry): ModelFacts {
  return {
    id: entry.id,
    price: {
      inputNanosPerMillion: BigInt(entry.input),
      outputNanosPerMillion: BigInt(entry.output),
      cachedInputNanosPerMillion:
        entry.cached_input === undefined ? null : BigInt(entry.cached_input),
    },
    contextLength: entry.context_length,
    maxOutputTokens: entry.max_output_tokens,
    priceHoldsTo: entry.price_holds_to ?? null,
    modalities: entry.modalities,
  };
}

/**
 * The longest context that a route with this one price may take: where longer prompts cost more, only as long as the
 * price is true.
 */
export function pricedContextLength({ contextLength, priceHoldsTo }: ModelFacts): number | null {
  return priceHoldsTo ?? contextLength;
}
