import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { Clock } from '#common/time/clock.js';
import { isGiven } from '#common/validation/given.js';
import type { AuditAction } from '#platform/audit-trail/audit-actions.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { refuseDuplicate, refuseWhileUsed } from '#platform/database/refuse-duplicate.js';

import { StructureLock } from '../structure-lock.js';
import { SubjectRemovals } from '../subject-removals.js';
import { MAX_PROJECTS, refuseOneTooMany } from '../structure.limits.js';
import { assertOfOwnTeam } from '../teams/own-team.js';
import { TeamRepository } from '../teams/team.repository.js';
import type { CreateProjectDto, UpdateProjectDto } from './dto/project.dto.js';
import { ProjectRepository, type ProjectRow } from './project.repository.js';
import { viewProject } from './project.view.js';
import { projectOr404 } from './read-projects.service.js';

/** Projects. A key of a team has a say over its team's only. */
@Injectable()
export class ChangeProjectService {
  constructor(
    private readonly projects: ProjectRepository,
    private readonly teams: TeamRepository,
    private readonly lock: StructureLock,
    private readonly removals: SubjectRemovals,
    private readonly trail: AuditTrail,
    private readonly clock: Clock,
  ) {}

  /**
   * It belongs to the team of the key that makes it, where that has one and no other is named.
   * @throws {AppError} `not_found` and `escalation_denied` naming `team_id`; `conflict` for a name that is taken, and for one too many
   */
  async create(caller: Principal, dto: CreateProjectDto): Promise<ProjectRow> {
    const { organizationId } = caller;
    const project: ProjectRow = {
      id: newId('project'),
      organizationId,
      teamId: dto.team_id === undefined ? caller.teamId : dto.team_id,
      name: dto.name,
      description: dto.description ?? null,
      createdAt: this.#now(),
    };
    await this.lock.run(organizationId, async () => {
      await this.#checkTeam(caller, project.teamId);
      refuseOneTooMany(await this.projects.count(organizationId), MAX_PROJECTS, 'projects');
      await refuseTakenName(dto.name, () => this.projects.insert(project));
      const after = { ...viewProject(project) };
      await this.trail.append({ ...about('project.created', project), after });
    });
    return project;
  }

  /**
   * Changes the fields that are given and leaves the others.
   * @throws {AppError} `not_found`, for a team naming `team_id`; `escalation_denied`; `conflict` for a name that is taken
   */
  async change(caller: Principal, id: string, dto: UpdateProjectDto): Promise<ProjectRow> {
    const { organizationId } = caller;
    const name = isGiven(dto.name) ? dto.name : undefined;
    const { description, team_id: teamId } = dto;
    return this.lock.run(organizationId, async () => {
      const before = await this.#findOwn(caller, id);
      if (teamId !== undefined) await this.#checkTeam(caller, teamId);
      const changes = { name, description, teamId };
      const changed = await refuseTakenName(name ?? '', () =>
        this.projects.update(organizationId, id, changes, this.#now()),
      );
      const project = projectOr404(changed, id);
      const [was, is] = [{ ...viewProject(before) }, { ...viewProject(project) }];
      await this.trail.appendChange(about('project.updated', project), was, is);
      return project;
    });
  }

  /** @throws {AppError} `not_found`; `escalation_denied`; `conflict` while something belongs to it */
  async delete(caller: Principal, id: string): Promise<void> {
    const { organizationId } = caller;
    await this.lock.run(organizationId, async () => {
      const project = await this.#findOwn(caller, id);
      await refuseWhileUsed(
        'Something belongs to this project yet, such as a key. Move or delete that first.',
        () => this.projects.delete(organizationId, id),
      );
      const before = { ...viewProject(project) };
      await this.trail.append({ ...about('project.deleted', project), before });
      await this.removals.removed({ organizationId, kind: 'project', id });
    });
  }

  async #findOwn(caller: Principal, id: string): Promise<ProjectRow> {
    const [found] = await this.projects.findAll(caller.organizationId, [id]);
    const project = projectOr404(found ?? null, id);
    assertOfOwnTeam(caller, project.teamId);
    return project;
  }

  async #checkTeam(caller: Principal, teamId: string | null): Promise<void> {
    if (teamId !== null && !(await this.teams.find(caller.organizationId, teamId))) {
      throw new AppError('not_found', {
        message: `There is no team ${teamId}.`,
        param: 'team_id',
      });
    }
    assertOfOwnTeam(caller, teamId, 'team_id');
  }

  #now(): Date {
    return new Date(this.clock.now());
  }
}

function about(action: AuditAction, { organizationId, id }: ProjectRow) {
  return { organizationId, action, target: { type: 'project', id } };
}

function refuseTakenName<T>(name: string, write: () => Promise<T>): Promise<T> {
  const refusal = { message: `There is a project named ${name} already.`, param: 'name' };
  return refuseDuplicate('projects_name_key', refusal, write);
}
