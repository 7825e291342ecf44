import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { Clock } from '#common/time/clock.js';

import { CatalogLock } from '../catalog-lock.js';
import { RecordCatalogChange } from '../record-catalog-change.js';
import { MAX_ROUTES } from '../catalog.limits.js';
import { splitBaseUrl } from '../providers/domain/base-url.js';
import { ProviderRepository } from '../providers/provider.repository.js';
import { providerNotFound } from '../providers/read-providers.service.js';
import { ShippedCatalog } from '../shipped/shipped-catalog.js';
import { refuseDuplicate } from '#platform/database/refuse-duplicate.js';
import { refuseReservedModel } from './domain/reserved-model.js';
import { factsOfRoute, type RouteFacts } from './domain/route-facts.js';
import type { CreateRouteDto } from './dto/route.dto.js';
import { RouteEntity } from './route.entity.js';
import { ROUTE_ENDPOINT_CONSTRAINT, RouteRepository } from './route.repository.js';

/** What is written of a new route. */
export type NewRoute = RouteFacts & {
  readonly organizationId: string;
  readonly model: string;
  readonly providerId: string;
  readonly upstreamModel: string;
  readonly priority: number;
  readonly weight: number;
};

@Injectable()
export class CreateRouteService {
  constructor(
    private readonly routes: RouteRepository,
    private readonly providers: ProviderRepository,
    private readonly catalog: ShippedCatalog,
    private readonly lock: CatalogLock,
    private readonly record: RecordCatalogChange,
    private readonly clock: Clock,
  ) {}

  /**
   * @throws {AppError} `invalid_request` naming the field; `not_found` for the provider; `conflict` for a route that
   *   is there already, or one too many
   */
  async create(organizationId: string, dto: CreateRouteDto): Promise<RouteEntity> {
    refuseReservedModel(dto.model);
    const upstreamModel = dto.upstream_model ?? dto.model;
    return this.lock.run(organizationId, async () => {
      const provider = await this.providers.find(organizationId, dto.provider_id);
      if (!provider) throw providerNotFound(dto.provider_id, 'provider_id');
      const { origin } = splitBaseUrl(provider.baseUrl);
      const known = this.catalog.factsOf({ origin, name: provider.name }, upstreamModel);
      const [route] = await this.write(organizationId, [
        {
          organizationId,
          model: dto.model,
          providerId: provider.id,
          upstreamModel,
          priority: dto.priority ?? 0,
          weight: dto.weight ?? 1,
          ...factsOfRoute(dto, known),
        },
      ]);
      return route as RouteEntity;
    });
  }

  /** Writes routes that somebody has already decided on: all of them or none. */
  async write(organizationId: string, newRoutes: readonly NewRoute[]): Promise<RouteEntity[]> {
    const now = new Date(this.clock.now());
    const routes = newRoutes.map(({ price, ...rest }) =>
      Object.assign(new RouteEntity(), {
        id: newId('route'),
        ...rest,
        ...price,
        createdAt: now,
        updatedAt: now,
        version: 1,
      }),
    );
    return this.lock.run(organizationId, async () => {
      if ((await this.routes.count(organizationId)) + routes.length > MAX_ROUTES) {
        throw new AppError('conflict', {
          message: `An organization has at most ${MAX_ROUTES} routes. Delete one first.`,
        });
      }
      await refuseDuplicate(ROUTE_ENDPOINT_CONSTRAINT, ROUTE_EXISTS, () =>
        this.routes.insert(routes),
      );
      await this.record.created('route', routes);
      return routes;
    });
  }
}

export const ROUTE_EXISTS = {
  message: 'There is a route from this model to this model of this provider already.',
  param: 'model',
};
