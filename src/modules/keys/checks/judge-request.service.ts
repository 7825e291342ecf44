import { Injectable } from '@nestjs/common';

import type { ErrorCode } from '#common/errors/error-codes.js';
import { Clock } from '#common/time/clock.js';
import { CountryLookup } from '#platform/geoip/country-lookup.port.js';
import { type FoundRoute, RouteFinder } from '#platform/http/route-finder.js';

import { authorize } from '../domain/authorize.js';
import { type DescribedRequest, explain, type TraceEntry } from '../domain/explain.js';
import type { KeyView } from '../domain/key-view.js';
import { quoted } from '../domain/plain-words.js';
import type { RequestFacts } from '../domain/request-facts.js';
import { operationOf, routeNeeds } from '../domain/route-needs.js';
import { CallOutlook } from './call-outlook.js';
import type { DescribedRequestDto } from './dto/described-request.dto.js';
import { explainNothing, explainRouting } from './explain-call.js';
import type { CallToJudge } from './judge-limits.service.js';
import { readDescribedRequest, type ReadRequest } from './read-described-request.js';

export type Judgement = {
  /** The code of the refusal; `null` where the request is let through. */
  readonly code: ErrorCode | null;
  readonly trace: readonly TraceEntry[];
  /** What limits are to look at; `null` where no model is called. */
  readonly call: CallToJudge | null;
};

/**
 * What would become of a request that nobody has sent, but for its limits. Each step is the one that real requests go through: the router of
 * the server, `authorize`, the routing of calls. Nothing is counted, and no provider is called.
 */
@Injectable()
export class JudgeRequestService {
  constructor(
    private readonly routes: RouteFinder,
    private readonly outlook: CallOutlook,
    private readonly countries: CountryLookup,
    private readonly clock: Clock,
  ) {}

  /**
   * @param at where the description stands in the body: `''`, or such as `request.`
   * @throws {AppError} `invalid_request` naming a field of it
   */
  read(dto: DescribedRequestDto, at: string): ReadRequest {
    return readDescribedRequest(dto, at, this.countries);
  }

  async judge(view: KeyView, request: ReadRequest): Promise<Judgement> {
    const route = this.routes.find(request.method, request.path);
    const asked = `${request.method} ${quoted(request.path)}`;
    if (!route) return judgedByPath('not_found', `There is no ${asked}.`);
    if (route.endpoint.scope === 'public') {
      return judgedByPath(null, `${asked} is public: no key is looked at.`);
    }
    const described = this.#describe(request, route);
    const { model } = described.facts;
    const decision = authorize(view, described.facts);
    const routing =
      model === undefined ? null : await this.outlook.calls.routingRefusal(view, model);
    const refusal = decision.allowed ? routing : decision;
    return {
      code: refusal?.code ?? null,
      trace: [
        { rule: 'path', outcome: 'allow', detail: `${asked} is the route ${route.url}.` },
        ...explain(view, described),
        ...explainRouting(view, described, routing),
      ],
      call: described.callsModel ? toJudge(request, route, routing === null) : null,
    };
  }

  #describe(request: ReadRequest, { url, endpoint }: FoundRoute): DescribedRequest {
    const callsModel = endpoint.kind === 'inference';
    return {
      callsModel,
      saysFeatures: request.features !== null,
      facts: {
        now: this.clock.now(),
        ...routeNeeds(endpoint),
        operation: operationOf(request.method),
        client: request.client,
        ...(callsModel && this.#callFacts(request, url)),
      },
    };
  }

  #callFacts({ model, features, maxTokens }: ReadRequest, url: string): Partial<RequestFacts> {
    const { calls } = this.outlook;
    const outputTokens = calls.asksForOutput(url) ? maxTokens : null;
    return {
      features: calls.impliedFeatures(url, model) | (features ?? 0),
      ...(model !== undefined && { model }),
      ...(outputTokens !== undefined && { outputTokens }),
    };
  }
}

function judgedByPath(code: 'not_found' | null, detail: string): Judgement {
  return { code, trace: explainNothing(code === null ? 'allow' : 'deny', detail), call: null };
}

function toJudge(
  { model, inputTokens, maxTokens }: ReadRequest,
  { url }: FoundRoute,
  isRouted: boolean,
): CallToJudge {
  return { url, model, isRouted, inputTokens, maxTokens };
}
