import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { parseUsd } from '#common/money/money.js';
import { decodeCursor, encodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import { Clock } from '#common/time/clock.js';
import { isGiven } from '#common/validation/given.js';
import { featureMask, type KeyView } from '#modules/keys/index.js';
import { type EventFilter, StoredBodies, UsageEvents } from '#modules/usage/index.js';

import { assertMayReadBodies } from './data-rights.js';
import type { GetRequestQuery, ListRequestsQuery } from './dto/request-log.queries.js';
import type {
  LoggedRequestDetailsResponse,
  LoggedRequestResponse,
} from './dto/request-log.responses.js';
import { ReachedCalls } from './reached-calls.service.js';
import { viewBody, viewRequest } from './logged-request.view.js';
import { assertStorable, periodOf } from './period.js';

@Injectable()
export class ReadRequestsService {
  constructor(
    private readonly events: UsageEvents,
    private readonly bodies: StoredBodies,
    private readonly reached: ReachedCalls,
    private readonly clock: Clock,
  ) {}

  /**
   * A page may be short, or empty, and not the last: where few calls match, the search is given up after two seconds.
   * @throws {AppError} `not_found`, `operation_not_allowed` for who does not reach every key and names none
   */
  async list(caller: KeyView, query: ListRequestsQuery): Promise<Page<LoggedRequestResponse>> {
    await this.reached.assertIncludes(caller, query.key_id);
    const { organizationId } = caller;
    const { events, reached } = await this.events.search(organizationId, {
      ...periodOf(query, this.clock.now()),
      filter: filterOf(query),
      after: decodeCursor(query.cursor),
      limit: query.limit + 1,
    });
    const ids = events.map(({ id }) => id);
    const kinds = await this.bodies.kindsOf(organizationId, ids);
    const owners = await this.reached.ownersOf(caller, events);
    const positioned = events.map((event) => ({
      event,
      id: event.id,
      createdAt: event.occurredAt,
    }));
    const page = toPage(positioned, query.limit, ({ event }) =>
      viewRequest(event, kinds.get(event.id), owners.get(event.keyId) ?? null),
    );
    if (reached === null || page.has_more) return page;
    return { data: page.data, has_more: true, next_cursor: encodeCursor(reached) };
  }

  /** @throws {AppError} `not_found`, also for another organization’s; `operation_not_allowed` for bodies without the right */
  async get(
    caller: KeyView,
    id: string,
    { include, occurred_at: at }: GetRequestQuery,
  ): Promise<LoggedRequestDetailsResponse> {
    const includesBodies = include === 'bodies';
    if (includesBodies) assertMayReadBodies(caller);
    if (at) assertStorable(at, 'occurred_at');
    const { organizationId } = caller;
    const event = await this.events.find(organizationId, id, at ?? null);
    if (!event || !(await this.reached.isOpenTo(caller, event.keyId)))
      throw new AppError('not_found', { message: `There is no request ${id}.` });
    const kinds = await this.bodies.kindsOf(organizationId, [id]);
    const bodies = includesBodies ? await this.bodies.read(organizationId, id) : [];
    const owners = await this.reached.ownersOf(caller, [event]);
    return {
      ...viewRequest(event, kinds.get(id), owners.get(event.keyId) ?? null),
      request_body: viewBody(bodies, 'request'),
      response_body: viewBody(bodies, 'response'),
    };
  }
}

function filterOf(query: ListRequestsQuery): EventFilter {
  const { key_id, model, provider, status, outcome, feature, min_cost, min_latency_ms } = query;
  return {
    ...(isGiven(key_id) && { keyId: key_id }),
    ...(isGiven(model) && { model }),
    ...(isGiven(provider) && { provider }),
    ...(isGiven(status) && { statuses: statusesOf(status) }),
    ...(isGiven(outcome) && { outcome }),
    ...(isGiven(feature) && { features: featureMask([feature]) }),
    ...(isGiven(min_cost) && { minCostNanos: parseUsd(min_cost) ?? 0n }),
    ...(isGiven(min_latency_ms) && { minLatencyMs: min_latency_ms }),
  };
}

/** `404`, or `4xx` for 400 to 499. */
function statusesOf(status: string): readonly [number, number] {
  return [Number(status.replace('xx', '00')), Number(status.replace('xx', '99'))];
}
