import type { SettingsInForce } from '#modules/organizations/index.js';

import type { ProjectConfigResponse } from './project-configs.dto.js';

/** What is so of every call, since nobody can ask for anything else. */
export const ALWAYS = {
  enable_model_fallback: false,
  allow_quantization: true,
  eu_native: false,
} as const;

export function viewProjectConfig({
  organizationId,
  projectId,
  settings,
  createdAt,
  updatedAt,
}: SettingsInForce): ProjectConfigResponse {
  const id = projectId ?? organizationId;
  return {
    _id: id,
    project_id: id,
    preference: settings.preference,
    allowed_providers: [...(settings.allowedProviders ?? [])],
    allow_overwrite: settings.allowOverwrite,
    ...ALWAYS,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  };
}
