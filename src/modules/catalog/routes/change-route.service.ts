import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';

import { CatalogLock } from '../catalog-lock.js';
import { RecordCatalogChange } from '../record-catalog-change.js';
import { refuseDuplicate } from '#platform/database/refuse-duplicate.js';
import { ROUTE_EXISTS } from './create-route.service.js';
import { toTokenPrice } from './domain/price.js';
import { refuseReservedModel } from './domain/reserved-model.js';
import type { UpdateRouteDto } from './dto/route.dto.js';
import { routeNotFound } from './read-routes.service.js';
import type { RouteEntity } from './route.entity.js';
import { ROUTE_ENDPOINT_CONSTRAINT, RouteRepository } from './route.repository.js';

@Injectable()
export class ChangeRouteService {
  constructor(
    private readonly routes: RouteRepository,
    private readonly lock: CatalogLock,
    private readonly record: RecordCatalogChange,
    private readonly clock: Clock,
  ) {}

  /**
   * Changes the fields that are given and leaves the others.
   * @throws {AppError} `not_found`; `invalid_request` naming the field; `conflict` for a route that is there already
   */
  async change(organizationId: string, id: string, dto: UpdateRouteDto): Promise<RouteEntity> {
    if (dto.model) refuseReservedModel(dto.model);
    const changes = changesOf(dto);
    return this.lock.run(organizationId, async () => {
      const route = await this.routes.lockForUpdate(organizationId, id);
      if (!route) throw routeNotFound(id);
      if (Object.keys(changes).length === 0) return route;
      const changed = await refuseDuplicate(ROUTE_ENDPOINT_CONSTRAINT, ROUTE_EXISTS, () =>
        this.routes.update(route, { ...changes, updatedAt: new Date(this.clock.now()) }),
      );
      await this.record.routeChanged(route, changed);
      return changed;
    });
  }
}

function changesOf(dto: UpdateRouteDto): Partial<RouteEntity> {
  return {
    ...(dto.model && { model: dto.model }),
    ...(dto.upstream_model && { upstreamModel: dto.upstream_model }),
    ...(dto.price && toTokenPrice(dto.price)),
    ...(dto.context_length !== undefined && { contextLength: dto.context_length }),
    ...(dto.max_output_tokens !== undefined && { maxOutputTokens: dto.max_output_tokens }),
    ...given('priority', dto.priority),
    ...given('weight', dto.weight),
  };
}

/** `null` is as good as absent for what can't be unknown. */
function given<K extends 'priority' | 'weight'>(
  key: K,
  value: number | null | undefined,
): Partial<Record<K, number>> {
  return value === undefined || value === null ? {} : ({ [key]: value } as Record<K, number>);
}
