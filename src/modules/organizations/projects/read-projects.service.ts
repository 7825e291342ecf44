import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';

import type { ListProjectsQuery } from './dto/project.dto.js';
import type { ProjectResponse } from './dto/project.responses.js';
import { ProjectRepository, type ProjectRow } from './project.repository.js';
import { viewProject } from './project.view.js';

@Injectable()
export class ReadProjectsService {
  constructor(private readonly projects: ProjectRepository) {}

  async list(
    organizationId: string,
    { limit, cursor, team_id: teamId }: ListProjectsQuery,
  ): Promise<Page<ProjectResponse>> {
    const after = decodeCursor(cursor);
    const rows = await this.projects.list(organizationId, teamId ?? null, after, limit);
    return toPage(rows, limit, viewProject);
  }

  /** @throws {AppError} `not_found`, also for another organization's */
  async get(organizationId: string, id: string): Promise<ProjectRow> {
    const [found] = await this.projects.findAll(organizationId, [id]);
    return projectOr404(found ?? null, id);
  }
}

export function projectOr404<Found>(found: Found | null, id: string): Found {
  if (found === null) throw new AppError('not_found', { message: `There is no project ${id}.` });
  return found;
}
