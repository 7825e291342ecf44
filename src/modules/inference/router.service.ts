import { Injectable } from '@nestjs/common';
import { randomInt } from 'node:crypto';

import { AppError } from '#common/errors/app-error.js';
import { type Candidate, RouteDirectory, type RouteTable } from '#modules/catalog/index.js';
import type { KeyView } from '#modules/keys/index.js';

import { MAX_OUTPUT_TOKENS } from './providers/sandbox/generation.js';
import { SANDBOX_PROVIDER } from './providers/sandbox/sandbox.adapter.js';
import type { Target } from './upstream/provider-adapter.js';

/** Any other name works there too, with a test key. */
export const SANDBOX_MODELS: ReadonlySet<string> = new Set(['sandbox/echo', 'sandbox/lorem']);
const FREE = {
  inputNanosPerMillion: 0n,
  outputNanosPerMillion: 0n,
  cachedInputNanosPerMillion: null,
};

/** From a model's name to where the call goes. */
@Injectable()
export class RouterService {
  readonly #targets = new WeakMap<Candidate, Target>();

  constructor(private readonly routes: RouteDirectory) {}

  /**
   * A test key always gets the sandbox, so that nothing it does costs money. A live key gets, of the routes to providers
   * that it may use, the one with the lowest priority number, and among equals one by weight.
   * @throws {AppError} `model_not_found`, `provider_not_allowed`
   */
  route(view: KeyView, model: string): Target | Promise<Target> {
    if (view.isTest || SANDBOX_MODELS.has(model)) return toSandbox(model);
    const table = this.routes.tableOf(view.organizationId);
    return table instanceof Promise
      ? table.then((loaded) => this.#pick(view, loaded, model))
      : this.#pick(view, table, model);
  }

  /**
   * Whether a call that went to `target` may still go there; the sandbox is open to all.
   * @throws {AppError} `provider_not_allowed`
   */
  assertAllowed({ allowsProvider }: KeyView, { endpoint, route }: Target): void {
    if (endpoint && allowsProvider?.(endpoint.name) === false) throw noAllowedProvider(route.model);
  }

  #pick({ allowsProvider }: KeyView, table: RouteTable, model: string): Target {
    const routed = table.candidates(model);
    if (routed.length === 0) throw unknownModel(model);
    const candidates =
      allowsProvider === null
        ? routed
        : routed.filter(({ provider }) => allowsProvider(provider.name));
    const [first] = candidates;
    if (!first) throw noAllowedProvider(model);
    const candidate = candidates.length === 1 ? first : byWeight(candidates, first.priority);
    const known = this.#targets.get(candidate);
    if (known) return known;
    const target = toTarget(model, candidate);
    this.#targets.set(candidate, target);
    return target;
  }
}

function byWeight(candidates: readonly Candidate[], priority: number): Candidate {
  const equals = candidates.filter((candidate) => candidate.priority === priority);
  const total = equals.reduce((sum, { weight }) => sum + weight, 0);
  let ticket = randomInt(total);
  for (const candidate of equals) {
    ticket -= candidate.weight;
    if (ticket < 0) return candidate;
  }
  throw new Error('A ticket below the sum of the weights must be somebody’s.');
}

function toTarget(model: string, candidate: Candidate): Target {
  const { provider, upstreamModel, price, contextLength, maxOutputTokens } = candidate;
  const { routeId, routeVersion } = candidate;
  const priceVersion = `${routeId}@${routeVersion}`;
  return {
    providerName: provider.name,
    upstreamModel,
    price,
    contextLength,
    maxOutputTokens,
    route: { model, provider: provider.name, upstreamModel, priceVersion },
    endpoint: provider,
  };
}

function toSandbox(model: string): Target {
  const provider = SANDBOX_PROVIDER;
  return {
    providerName: provider,
    upstreamModel: model,
    price: FREE,
    // It is bounded in bytes.
    contextLength: null,
    maxOutputTokens: MAX_OUTPUT_TOKENS,
    route: { model, provider, upstreamModel: model, priceVersion: null },
    endpoint: null,
  };
}

function noAllowedProvider(model: string): AppError {
  return new AppError('provider_not_allowed', {
    message: `This API key may not use any provider of the model ${model}.`,
    param: 'model',
  });
}

function unknownModel(model: string): AppError {
  return new AppError('model_not_found', {
    message:
      `There is no route for the model ${model}. GET /v1/models lists what there is; an administrator adds a ` +
      `provider with POST /v1/providers and a route to it with POST /v1/routes.`,
    param: 'model',
  });
}
