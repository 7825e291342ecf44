import { Injectable } from '@nestjs/common';
import { randomInt } from 'node:crypto';

import { AppError } from '#common/errors/app-error.js';
import { type Candidate, RouteDirectory, type RouteTable } from '#modules/catalog/index.js';
import type { KeyView } from '#modules/keys/index.js';
import type { Preference, RoutingSettings } from '#modules/organizations/index.js';

import { MAX_OUTPUT_TOKENS } from './providers/sandbox/generation.js';
import { SANDBOX_PROVIDER } from './providers/sandbox/sandbox.adapter.js';
import type { RequestedRouting } from './request/requested-routing.js';
import {
  allowsAny,
  byPrice,
  byPriority,
  byWeightAlone,
  chooseCandidate,
  type ProviderNames,
  type Rank,
} from './routing/choose-candidate.js';
import { type RouteSpeed, RouteSpeeds } from './routing/route-speeds.js';
import type { Target } from './upstream/provider-adapter.js';

/** Any other name works there too, with a test key. */
export const SANDBOX_MODELS: ReadonlySet<string> = new Set(['sandbox/echo', 'sandbox/lorem']);
const ALLOWED_PROVIDERS = 'allowed_providers';
const FREE = {
  inputNanosPerMillion: 0n,
  outputNanosPerMillion: 0n,
  cachedInputNanosPerMillion: null,
};

/** A call in this many that prefers speed goes by weight alone: else nobody would learn that another has become faster. */
const TRIES_ANOTHER_ONE_IN = 16;

/** What decides on one call. */
type Wanted = {
  readonly model: string;
  readonly settings: RoutingSettings | null;
  /** The request's own words, where they count. */
  readonly wishes: RequestedRouting | null;
};

/** From a model's name to where the call goes. */
@Injectable()
export class RouterService {
  readonly #targets = new WeakMap<Candidate, Target>();

  constructor(
    private readonly routes: RouteDirectory,
    private readonly speeds: RouteSpeeds,
  ) {}

  /**
   * A test key always gets the sandbox, so that nothing it does costs money. A live key gets, of the routes to providers
   * that it may use, the one with the lowest priority number, and among equals one by weight; unless its projects, or the
   * request where they let it, prefer another order or leave providers out.
   * @param wishes what the request says of its routing
   * @throws {AppError} `model_not_found`, `provider_not_allowed`
   */
  route(
    view: KeyView,
    model: string,
    wishes: RequestedRouting | null = null,
  ): Target | Promise<Target> {
    if (view.isTest || SANDBOX_MODELS.has(model)) return toSandbox(model);
    const table = this.routes.tableOf(view.organizationId);
    return table instanceof Promise
      ? table.then((loaded) => this.#pick(view, loaded, model, wishes))
      : this.#pick(view, table, model, wishes);
  }

  /**
   * Whether a call that went to `target` may still go there; the sandbox is open to all. Settings of projects are for calls
   * that are still to go out.
   * @throws {AppError} `provider_not_allowed`
   */
  assertAllowed({ allowsProvider }: KeyView, { endpoint, route }: Target): void {
    if (endpoint && allowsProvider?.(endpoint.name) === false) throw noAllowedProvider(route.model);
  }

  #pick(view: KeyView, table: RouteTable, model: string, wishes: RequestedRouting | null): Target {
    const routed = table.candidates(model);
    if (routed.length === 0) throw unknownModel(model);
    const settings = table.rules === null ? null : table.rules.of(view.projectIds);
    const candidate =
      settings === null && wishes === null
        ? chooseCandidate(routed, view.allowsProvider, null, byPriority)
        : this.#pickWanted(view, routed, { model, settings, wishes });
    if (!candidate) throw noAllowedProvider(model);
    const known = this.#targets.get(candidate);
    if (known) return known;
    const target = toTarget(model, candidate, this.speeds.of(candidate.routeId));
    this.#targets.set(candidate, target);
    return target;
  }

  /** `null` where the key alone leaves no provider. */
  #pickWanted(
    { allowsProvider }: KeyView,
    routed: readonly Candidate[],
    wanted: Wanted,
  ): Candidate | null {
    const { model, settings } = wanted;
    const wishes = settings === null || settings.allowOverwrite ? wanted.wishes : null;
    const own = wishes?.allowedProviders;
    const names = own === undefined ? allowedBy(settings) : own;
    const rank = this.#rankOf(wishes?.preference ?? settings?.preference);
    const found = chooseCandidate(routed, allowsProvider, names, rank);
    if (found || !allowsAny(routed, allowsProvider)) return found;
    throw own === undefined ? leftOutBySettings(model) : leftOutByRequest(model);
  }

  #rankOf(preference: Preference | undefined): Rank {
    if (preference === 'cost') return byPrice;
    if (preference !== 'speed') return byPriority;
    return randomInt(TRIES_ANOTHER_ONE_IN) === 0 ? byWeightAlone : this.speeds.bySpeed;
  }
}

function allowedBy(settings: RoutingSettings | null): ProviderNames {
  return settings === null ? null : settings.allowedProviders;
}

function toTarget(model: string, candidate: Candidate, speed: RouteSpeed): Target {
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
    speed,
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
    speed: null,
  };
}

function noAllowedProvider(model: string): AppError {
  return new AppError('provider_not_allowed', {
    message: `This API key may not use any provider of the model ${model}.`,
    param: 'model',
  });
}

function leftOutBySettings(model: string): AppError {
  return new AppError('provider_not_allowed', {
    message: `The settings of this API key’s project (allowed_providers) leave no provider of the model ${model}.`,
    param: 'model',
    details: { project_setting: ALLOWED_PROVIDERS },
  });
}

function leftOutByRequest(model: string): AppError {
  return new AppError('provider_not_allowed', {
    message: `None of the request’s allowed_providers has the model ${model} for this API key.`,
    param: ALLOWED_PROVIDERS,
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
