import { Injectable } from '@nestjs/common';

import { CatalogLock } from '../catalog-lock.js';
import { RecordCatalogChange } from '../record-catalog-change.js';
import { routeNotFound } from './read-routes.service.js';
import { RouteRepository } from './route.repository.js';

@Injectable()
export class DeleteRouteService {
  constructor(
    private readonly routes: RouteRepository,
    private readonly lock: CatalogLock,
    private readonly record: RecordCatalogChange,
  ) {}

  /** @throws {AppError} `not_found` */
  async delete(organizationId: string, id: string): Promise<void> {
    await this.lock.run(organizationId, async () => {
      const route = await this.routes.lockForUpdate(organizationId, id);
      if (!route) throw routeNotFound(id);
      await this.routes.delete(organizationId, id);
      await this.record.deleted('route', route);
    });
  }
}
