import type { EnvironmentResponse } from './dto/environment.responses.js';
import type { EnvironmentSettings } from './environment-settings.js';

export function viewEnvironment(settings: EnvironmentSettings): EnvironmentResponse {
  return {
    environment: settings.environment,
    defaults: settings.defaults,
    version: settings.version,
    updated_by: settings.updatedBy,
    updated_at: settings.updatedAt?.toISOString() ?? null,
  };
}
