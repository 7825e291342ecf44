import { Injectable } from '@nestjs/common';

import { EventBus } from '#platform/events/event-bus.js';

import { CatalogLock } from '../catalog-lock.js';
import { routeNotFound } from './read-routes.service.js';
import { RouteRepository } from './route.repository.js';

@Injectable()
export class DeleteRouteService {
  constructor(
    private readonly routes: RouteRepository,
    private readonly lock: CatalogLock,
    private readonly events: EventBus,
  ) {}

  /** @throws {AppError} `not_found` */
  async delete(organizationId: string, id: string): Promise<void> {
    await this.lock.run(organizationId, async () => {
      if (!(await this.routes.delete(organizationId, id))) throw routeNotFound(id);
      this.events.emit('catalog.changed', { organizationId });
    });
  }
}
