export { DefaultOrganization } from './default-organization.port.js';
export { KeyCarePolicies, type KeyCarePolicy } from './key-care-policies.port.js';
export { LeakedKeyPolicy } from './leaked-key-policy.port.js';
export { OrganizationSettingsModule } from './organization-settings.module.js';
export { OrganizationsModule } from './organizations.module.js';
export { UnclaimedSecretPolicy } from './unclaimed-secret-policy.port.js';
