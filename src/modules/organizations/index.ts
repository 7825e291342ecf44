export { ApprovalPolicy } from './approval-policy.port.js';
export {
  type HeldChange,
  HeldChanges,
  type HeldSubject,
  type SubjectChange,
  type SubjectHandler,
} from './held-changes.js';
export { DefaultOrganization } from './default-organization.port.js';
export { KeyCarePolicies, type KeyCarePolicy } from './key-care-policies.port.js';
export { LeakedKeyPolicy } from './leaked-key-policy.port.js';
export { Invitations } from './members/invitations.port.js';
export { type Membership, Memberships } from './members/memberships.port.js';
export { type NewUser, type User, Users } from './members/users.port.js';
export { OrganizationSettingsModule } from './organization-settings.module.js';
export { OrganizationsModule } from './organizations.module.js';
export { NewOrganizations } from './new-organizations.js';
export { UnclaimedSecretPolicy } from './unclaimed-secret-policy.port.js';
export { MEMBERS_CHANGED_TOPIC, STANDING_CHANGED_TOPIC } from './organizations.events.js';
export { SubjectRemovals } from './subject-removals.js';
export { CallerRights } from './roles/caller-rights.service.js';
export { Projects } from './projects/projects.port.js';
export { type ServiceAccount, ServiceAccounts } from './service-accounts/service-accounts.port.js';
export { KnownProviders } from './projects/settings/known-providers.js';
export {
  type Preference,
  PREFERENCES,
  ProjectConfigs,
  type ProjectSettings,
  type SettingsInForce,
  type SettingsScope,
} from './projects/settings/project-settings.port.js';
export {
  type RoutingRules,
  type RoutingSettings,
  RoutingSettingsReader,
} from './projects/settings/routing-settings.port.js';
export { Teams } from './teams/teams.port.js';
export { SuspiciousKeyPolicy } from './suspicious-key-policy.port.js';
export { AuditRetentionPolicy } from './audit-retention-policy.port.js';
