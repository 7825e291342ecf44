import { Injectable } from '@nestjs/common';

import { newId } from '#common/ids/prefixed-id.js';
import { Clock } from '#common/time/clock.js';
import { isGiven } from '#common/validation/given.js';
import type { AuditAction } from '#platform/audit-trail/audit-actions.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { refuseDuplicate, refuseWhileUsed } from '#platform/database/refuse-duplicate.js';
import { EventBus } from '#platform/events/event-bus.js';

import { StructureLock } from '../structure-lock.js';
import { SubjectRemovals } from '../subject-removals.js';
import { MAX_TEAMS, refuseOneTooMany } from '../structure.limits.js';
import type { CreateTeamDto, UpdateTeamDto } from './dto/team.dto.js';
import { teamOr404 } from './read-teams.service.js';
import { TeamRepository, type TeamRow } from './team.repository.js';
import { viewTeam } from './team.view.js';
import type { Standing } from './teams.port.js';

@Injectable()
export class ChangeTeamService {
  constructor(
    private readonly teams: TeamRepository,
    private readonly lock: StructureLock,
    private readonly removals: SubjectRemovals,
    private readonly trail: AuditTrail,
    private readonly events: EventBus,
    private readonly clock: Clock,
  ) {}

  /** @throws {AppError} `conflict` for a name that is taken, and for one too many */
  async create(organizationId: string, dto: CreateTeamDto): Promise<TeamRow> {
    const team: TeamRow = {
      id: newId('team'),
      organizationId,
      name: dto.name,
      description: dto.description ?? null,
      status: 'active',
      createdAt: this.#now(),
    };
    await this.lock.run(organizationId, async () => {
      refuseOneTooMany(await this.teams.count(organizationId), MAX_TEAMS, 'teams');
      await refuseTakenName(dto.name, () => this.teams.insert(team));
      await this.trail.append({ ...about('team.created', team), after: { ...viewTeam(team) } });
    });
    return team;
  }

  /**
   * Changes the fields that are given and leaves the others.
   * @throws {AppError} `not_found`; `conflict` for a name that is taken
   */
  async change(organizationId: string, id: string, dto: UpdateTeamDto): Promise<TeamRow> {
    const name = isGiven(dto.name) ? dto.name : undefined;
    const { description } = dto;
    return this.lock.run(organizationId, async () => {
      const before = teamOr404(await this.teams.find(organizationId, id), id);
      const changed = await refuseTakenName(name ?? '', () =>
        this.teams.update(organizationId, id, { name, description }, this.#now()),
      );
      return this.#changed('team.updated', before, teamOr404(changed, id));
    });
  }

  /**
   * @param status `suspended`: its keys are refused until it is `active` again
   * @throws {AppError} `not_found`
   */
  async setStatus(organizationId: string, id: string, status: Standing): Promise<TeamRow> {
    return this.lock.run(organizationId, async () => {
      const before = teamOr404(await this.teams.find(organizationId, id), id);
      const changed = await this.teams.update(organizationId, id, { status }, this.#now());
      const action = status === 'suspended' ? 'team.suspended' : 'team.resumed';
      const team = await this.#changed(action, before, teamOr404(changed, id));
      this.#tellMembers(organizationId);
      this.events.emit('organizations.standing-changed', {
        organizationId,
        teamId: id,
        userId: null,
        serviceAccountId: null,
      });
      return team;
    });
  }

  /** @throws {AppError} `not_found`; `conflict` while something belongs to it */
  async delete(organizationId: string, id: string): Promise<void> {
    await this.lock.run(organizationId, async () => {
      const team = teamOr404(await this.teams.find(organizationId, id), id);
      await refuseWhileUsed(
        'Something belongs to this team yet, such as a project or a service account. Move or delete that first.',
        () => this.teams.delete(organizationId, id),
      );
      await this.trail.append({ ...about('team.deleted', team), before: { ...viewTeam(team) } });
      await this.removals.removed({ organizationId, kind: 'team', id });
      this.#tellMembers(organizationId);
    });
  }

  async #changed(action: AuditAction, before: TeamRow, after: TeamRow): Promise<TeamRow> {
    const [was, is] = [{ ...viewTeam(before) }, { ...viewTeam(after) }];
    await this.trail.appendChange(about(action, after), was, is);
    return after;
  }

  #tellMembers(organizationId: string): void {
    this.events.emit('organizations.members-changed', { organizationId, userId: null });
  }

  #now(): Date {
    return new Date(this.clock.now());
  }
}

function about(action: AuditAction, { organizationId, id }: TeamRow) {
  return { organizationId, action, target: { type: 'team', id } };
}

function refuseTakenName<T>(name: string, write: () => Promise<T>): Promise<T> {
  const refusal = { message: `There is a team named ${name} already.`, param: 'name' };
  return refuseDuplicate('teams_name_key', refusal, write);
}
