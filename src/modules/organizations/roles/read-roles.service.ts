import { Injectable } from '@nestjs/common';

import { BUILT_IN_ROLES, isBuiltInRole } from '#common/auth/roles.js';
import { AppError } from '#common/errors/app-error.js';
import { type CursorPosition, decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import type { PageQuery } from '#common/pagination/page.query.js';

import type { RoleResponse } from './dto/role.responses.js';
import { RoleRepository } from './role.repository.js';
import { viewBuiltInRole, viewRole } from './role.view.js';

/** Older than any, so that they come last, in their order. */
const BUILT_IN_PLACES = BUILT_IN_ROLES.map((role, index) => ({
  id: role,
  createdAt: new Date(BUILT_IN_ROLES.length - index),
  role,
}));

@Injectable()
export class ReadRolesService {
  constructor(private readonly roles: RoleRepository) {}

  /** The organization's own, newest first, then those that all have. */
  async list(organizationId: string, { limit, cursor }: PageQuery): Promise<Page<RoleResponse>> {
    const after = decodeCursor(cursor);
    const own = await this.roles.list(organizationId, after, limit);
    const places = [...own, ...BUILT_IN_PLACES.filter((place) => isBehind(place, after))];
    return toPage(places.slice(0, limit + 1), limit, (place) =>
      'role' in place ? viewBuiltInRole(place.role) : viewRole(place),
    );
  }

  /** @throws {AppError} `not_found`, also for another organization's */
  async get(organizationId: string, id: string): Promise<RoleResponse> {
    if (isBuiltInRole(id)) return viewBuiltInRole(id);
    return viewRole(roleOr404(await this.roles.find(organizationId, id), id));
  }
}

function isBehind({ createdAt }: CursorPosition, after: CursorPosition | null): boolean {
  return after === null || createdAt.getTime() < after.createdAt.getTime();
}

/** @param param the field that names it, where that is not the path */
export function roleOr404<Found>(found: Found | null, id: string, param?: string): Found {
  if (found !== null) return found;
  const message = `There is no role ${id}.`;
  throw new AppError('not_found', param === undefined ? { message } : { message, param });
}
