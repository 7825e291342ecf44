import { Injectable } from '@nestjs/common';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { ProviderEntity } from '../providers/provider.entity.js';
import { RouteEntity } from './route.entity.js';

export const ROUTE_ENDPOINT_CONSTRAINT = 'routes_endpoint';

export type RouteWithProvider = { readonly route: RouteEntity; readonly provider: ProviderEntity };

@Injectable()
export class RouteRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  async insert(routes: RouteEntity | RouteEntity[]): Promise<void> {
    await this.transactions.manager.insert(RouteEntity, routes);
  }

  async find(organizationId: string, id: string): Promise<RouteEntity | null> {
    return this.transactions.manager.findOneBy(RouteEntity, { organizationId, id });
  }

  /** Newest first, one more than `limit` when there are more. */
  async list(
    organizationId: string,
    after: CursorPosition | null,
    limit: number,
  ): Promise<RouteEntity[]> {
    const query = this.transactions.manager
      .createQueryBuilder(RouteEntity, 'route')
      .where('route.organization_id = :organizationId', { organizationId })
      .orderBy('route.createdAt', 'DESC')
      .addOrderBy('route.id', 'DESC')
      .limit(limit + 1);
    if (after) query.andWhere('(route.created_at, route.id) < (:createdAt, :id)', after);
    return query.getMany();
  }

  /** All routes with their providers, in the order in which they are tried. One query. */
  async listWithProviders(organizationId: string): Promise<RouteWithProvider[]> {
    const routes = await this.transactions.manager
      .createQueryBuilder(RouteEntity, 'route')
      .innerJoinAndMapOne(
        'route.provider',
        ProviderEntity,
        'provider',
        'provider.id = route.provider_id AND provider.organization_id = route.organization_id',
      )
      .where('route.organization_id = :organizationId', { organizationId })
      .orderBy('route.priority', 'ASC')
      .addOrderBy('route.createdAt', 'ASC')
      .addOrderBy('route.id', 'ASC')
      .getMany();
    return (routes as (RouteEntity & { provider: ProviderEntity })[]).map((route) => ({
      route,
      provider: route.provider,
    }));
  }

  async count(organizationId: string): Promise<number> {
    return this.transactions.manager.countBy(RouteEntity, { organizationId });
  }

  async countOfProvider(organizationId: string, providerId: string): Promise<number> {
    return this.transactions.manager.countBy(RouteEntity, { organizationId, providerId });
  }

  async lockForUpdate(organizationId: string, id: string): Promise<RouteEntity | null> {
    return this.transactions.manager.findOne(RouteEntity, {
      where: { organizationId, id },
      lock: { mode: 'pessimistic_write' },
    });
  }

  /** Writes the changed columns and counts the version up. */
  async update(route: RouteEntity, changes: Partial<RouteEntity>): Promise<RouteEntity> {
    const next = { ...route, ...changes, version: route.version + 1 };
    await this.transactions.manager.update(
      RouteEntity,
      { organizationId: route.organizationId, id: route.id },
      { ...changes, version: next.version },
    );
    return next;
  }

  /** Whether there was one. */
  async delete(organizationId: string, id: string): Promise<void> {
    await this.transactions.manager.delete(RouteEntity, { organizationId, id });
  }
}
