import { Injectable } from '@nestjs/common';

import { scopeMask, type ScopeMask, SCOPES } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';
import {
  Memberships,
  ProjectConfigs,
  type ProjectSettings,
  type SettingsInForce,
  type SettingsScope,
} from '#modules/organizations/index.js';

import { assertReachesAll } from '../../domain/key-reach.js';
import type { KeyView } from '../../domain/key-view.js';
import { ALWAYS } from './project-config.view.js';
import type { ChangeProjectConfigDto } from './project-configs.dto.js';

const ALL_SCOPES = scopeMask(SCOPES);
const UNKNOWN = {
  enable_model_fallback: 'no call is moved to another model',
  allow_quantization: 'it is not known which providers quantize',
  eu_native: 'it is not known where providers compute',
} as const;
const FIXED = ['enable_model_fallback', 'allow_quantization', 'eu_native'] as const;

/** The settings of the project that a key is of, for an API that names no project. */
@Injectable()
export class CallingProjectService {
  constructor(
    private readonly configs: ProjectConfigs,
    private readonly memberships: Memberships,
  ) {}

  async read(caller: KeyView): Promise<SettingsInForce> {
    return this.configs.read(scopeOf(caller));
  }

  /**
   * @throws {AppError} `invalid_request` for what could not be kept; `operation_not_allowed` for who may not change it;
   *   `not_found` for a project that is gone
   */
  async change(caller: KeyView, dto: ChangeProjectConfigDto): Promise<void> {
    refuseUnkept(dto);
    const scope = scopeOf(caller);
    if (scope.projectId === null) {
      assertReachesAll(caller, 'Use a key of the project, or one that reaches all keys.');
    }
    await this.configs.change(scope, changesOf(dto), await this.#isAdmin(caller));
  }

  /** Who has every scope; of a key of somebody's own, who still has them. */
  async #isAdmin({ organizationId, userId, scopeMask: has }: KeyView): Promise<boolean> {
    if (!hasAll(has) || userId === null) return hasAll(has);
    const membership = await this.memberships.find(organizationId, userId);
    return membership !== null && !membership.isSuspended && hasAll(scopeMask(membership.scopes));
  }
}

function scopeOf({ organizationId, projectIds }: KeyView): SettingsScope {
  return { organizationId, projectId: projectIds[0] ?? null };
}

function hasAll(mask: ScopeMask): boolean {
  return (mask & ALL_SCOPES) === ALL_SCOPES;
}

/** What is stored must be kept. */
function refuseUnkept(dto: ChangeProjectConfigDto): void {
  for (const field of FIXED) {
    const asked = dto[field] ?? ALWAYS[field];
    if (asked === ALWAYS[field]) continue;
    throw new AppError('invalid_request', {
      message: `${field} can’t be ${String(asked)}: ${UNKNOWN[field]}.`,
      param: field,
    });
  }
}

function changesOf({
  preference,
  allowed_providers: names,
  allow_overwrite: allowOverwrite,
}: ChangeProjectConfigDto): Partial<ProjectSettings> {
  return {
    ...(preference && { preference }),
    ...(names !== undefined && { allowedProviders: names?.length ? names : null }),
    ...(typeof allowOverwrite === 'boolean' && { allowOverwrite }),
  };
}
