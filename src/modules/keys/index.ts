export { authorize, checkState, type Refusal } from './domain/authorize.js';
export {
  CallOutlook,
  type CallSize,
  type ForeseenUse,
  type RoutingRefusal,
} from './checks/call-outlook.js';
export type { ClientDescription } from './domain/request-facts.js';
export {
  ALL_FEATURES,
  type Feature,
  type FeatureMask,
  featureMask,
  FEATURES,
  featuresOf,
} from './domain/features.js';
export { BootstrapMasterKey } from './bootstrap-master-key.port.js';
export { CallingKey } from './calling-key.decorator.js';
export { KeyAccounts } from './key-accounts.service.js';
export { type KeyAttributes, KeyAttributesReader } from './key-attributes.port.js';
export type { KeyView, SigningRules } from './domain/key-view.js';
export { assertReachesAll, reachesAll } from './domain/key-reach.js';
export { memberView } from './domain/member-view.js';
export { KeyDirectory } from './key-directory.port.js';
export { type KeyState, KeyStates } from './key-states.port.js';
export { LEAK_OUTCOMES, type LeakOutcome, type LeakReport } from './domain/leaked-key.js';
export { KeyRotationModule } from './rotation/rotation.module.js';
export { KeyLifecycleModule } from './lifecycle/key-lifecycle.module.js';
export { KeysModule } from './keys.module.js';
export { type KeyAuditRetention, KeyAuditRetentions } from './key-audit-retentions.port.js';
export { type WatchedKey, WatchedKeys } from './watched-keys.port.js';
export { LeakedKeys } from './leaked-keys.port.js';
export { SecretUses } from './rotation/secret-uses.service.js';
export { PresentedKey } from './domain/presented-key.js';
export { operationOf, type RouteNeeds, routeNeeds } from './domain/route-needs.js';
export { KeyStoreModule } from './key-store.module.js';
export { SubjectRights } from './subject-rights.port.js';
