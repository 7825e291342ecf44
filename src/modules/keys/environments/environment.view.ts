import type { EnvironmentResponse } from './dto/environment.responses.js';
import type { EnvironmentSettings } from './environment-settings.js';

export function viewEnvironment(settings: EnvironmentSettings): EnvironmentResponse {
  const { rules } = settings;
  return {
    environment: settings.environment,
    defaults: settings.defaults,
    rules: {
      require_ip_list: rules.requireIpList,
      require_expiry: rules.requireExpiry,
      max_lifetime_days: rules.maxLifetimeDays,
      require_signature: rules.requireSignature,
      require_approval: rules.requireApproval,
      allowed_networks: rules.allowedNetworks && [...rules.allowedNetworks],
      denied_networks: [...rules.deniedNetworks],
    },
    version: settings.version,
    updated_by: settings.updatedBy,
    updated_at: settings.updatedAt?.toISOString() ?? null,
  };
}
