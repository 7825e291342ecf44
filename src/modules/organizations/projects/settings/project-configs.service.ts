import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { type AuditFacts, AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { EventBus } from '#platform/events/event-bus.js';

import { StructureLock } from '../../structure-lock.js';
import { KnownProviders } from './known-providers.js';
import { ProjectConfigRepository } from './project-config.repository.js';
import {
  ProjectConfigs,
  type ProjectSettings,
  type SettingsInForce,
  type SettingsScope,
} from './project-settings.port.js';

/** Of an organization that has said nothing: nothing is asked of its calls. */
const DEFAULTS: ProjectSettings = {
  preference: 'balanced',
  allowedProviders: null,
  allowOverwrite: true,
};

@Injectable()
export class ProjectConfigsService extends ProjectConfigs {
  constructor(
    private readonly configs: ProjectConfigRepository,
    private readonly providers: KnownProviders,
    private readonly lock: StructureLock,
    private readonly trail: AuditTrail,
    private readonly events: EventBus,
    private readonly clock: Clock,
  ) {
    super();
  }

  override async read(scope: SettingsScope): Promise<SettingsInForce> {
    const bornAt = await this.configs.findBirth(scope);
    if (!bornAt) throw new AppError('not_found', { message: 'There is no such project any more.' });
    const found = await this.configs.findInForce(scope);
    const settings = found?.settings ?? DEFAULTS;
    // Settings that are another's were not made for this project.
    const isOwn = found?.projectId === scope.projectId;
    return {
      ...scope,
      settings,
      createdAt: isOwn ? found.createdAt : bornAt,
      updatedAt: found?.updatedAt ?? bornAt,
    };
  }

  override async change(
    scope: SettingsScope,
    changes: Partial<ProjectSettings>,
    isAdmin: boolean,
  ): Promise<void> {
    const { organizationId } = scope;
    await this.lock.run(organizationId, async () => {
      const { settings } = await this.read(scope);
      if (!isAdmin && !settings.allowOverwrite) throw onlyForAdmins();
      await this.#refuseUnknown(organizationId, changes.allowedProviders, settings);
      const next = { ...settings, ...changes };
      await this.configs.write(scope, next, new Date(this.clock.now()));
      const target = { type: 'project_config', id: scope.projectId ?? organizationId };
      await this.trail.appendChange(
        { organizationId, action: 'project_config.updated', target },
        factsOf(settings),
        factsOf(next),
      );
      this.events.emit('organizations.routing-settings-changed', { organizationId });
    });
  }

  /** A name that is there already may stay: its provider was deleted since, and clients send back what they have read. */
  async #refuseUnknown(
    organizationId: string,
    asked: ProjectSettings['allowedProviders'] | undefined,
    { allowedProviders: before }: ProjectSettings,
  ): Promise<void> {
    const added = asked?.filter((name) => before?.includes(name) !== true) ?? [];
    if (added.length === 0) return;
    const unknown = await this.providers.firstUnknown(organizationId, added);
    if (unknown === null) return;
    throw new AppError('invalid_request', {
      message: `allowed_providers names “${unknown}”, and there is no provider of that name.`,
      param: 'allowed_providers',
    });
  }
}

function factsOf({ preference, allowedProviders, allowOverwrite }: ProjectSettings): AuditFacts {
  return {
    preference,
    allowed_providers: allowedProviders,
    allow_overwrite: allowOverwrite,
  };
}

function onlyForAdmins(): AppError {
  return new AppError('operation_not_allowed', {
    message:
      'These settings are enforced (allow_overwrite is false), so only an administrator changes them.',
  });
}
