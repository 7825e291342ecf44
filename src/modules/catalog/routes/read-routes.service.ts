import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import type { PageQuery } from '#common/pagination/page.query.js';

import type { RouteResponse } from './dto/route.responses.js';
import type { RouteEntity } from './route.entity.js';
import { RouteRepository } from './route.repository.js';
import { viewRoute } from './route.view.js';

@Injectable()
export class ReadRoutesService {
  constructor(private readonly routes: RouteRepository) {}

  async list(organizationId: string, { limit, cursor }: PageQuery): Promise<Page<RouteResponse>> {
    const rows = await this.routes.list(organizationId, decodeCursor(cursor), limit);
    return toPage(rows, limit, viewRoute);
  }

  /** @throws {AppError} `not_found`, also for another organization's route */
  async get(organizationId: string, id: string): Promise<RouteEntity> {
    const route = await this.routes.find(organizationId, id);
    if (!route) throw routeNotFound(id);
    return route;
  }
}

export function routeNotFound(id: string): AppError {
  return new AppError('not_found', { message: `There is no route ${id}.` });
}
