import { Platform1763700000000 } from './1763700000000-platform.js';
import { Keys1763700100000 } from './1763700100000-keys.js';
import { Catalog1763700150000 } from './1763700150000-catalog.js';
import { Usage1763700200000 } from './1763700200000-usage.js';
import { KeyPolicy1764201600000 } from './1764201600000-key-policy.js';
import { KeyLifecycle1764205200000 } from './1764205200000-key-lifecycle.js';
import { RequestSigning1764208800000 } from './1764208800000-request-signing.js';
import { KeyNames1764212400000 } from './1764212400000-key-names.js';
import { LeakedKeyAction1764216000000 } from './1764216000000-leaked-key-action.js';
import { Instances1764219600000 } from './1764219600000-instances.js';
import { Allowances1764219900000 } from './1764219900000-allowances.js';
import { ThrottleCounters1764223200000 } from './1764223200000-throttle-counters.js';
import { Budgets1764226800000 } from './1764226800000-budgets.js';
import { RedisMarkers1764230400000 } from './1764230400000-redis-markers.js';
import { UsageRollups1764234000000 } from './1764234000000-usage-rollups.js';
import { AccessTickets1764237600000 } from './1764237600000-access-tickets.js';
import { RequestBodies1764241200000 } from './1764241200000-request-bodies.js';
import { WeeklyRollups1764244800000 } from './1764244800000-weekly-rollups.js';
import { LatencySketches1764244900000 } from './1764244900000-latency-sketches.js';
import { Notifications1764248400000 } from './1764248400000-notifications.js';
import { KeyRotation1764252000000 } from './1764252000000-key-rotation.js';
import { NotificationUpkeep1764255600000 } from './1764255600000-notification-upkeep.js';
import { RetiredSecrets1764262800000 } from './1764262800000-retired-secrets.js';
import { KeyRotations1764266400000 } from './1764266400000-key-rotations.js';
import { ConsecutiveFailures1764269000000 } from './1764269000000-consecutive-failures.js';
import { KeyCare1764259200000 } from './1764259200000-key-care.js';
import { KeyOwners1764280800000 } from './1764280800000-key-owners.js';
import { People1764270000000 } from './1764270000000-people.js';
import { Structure1764277200000 } from './1764277200000-structure.js';
import { PolicyTemplates1764284400000 } from './1764284400000-policy-templates.js';
import { TeamChannels1764302400000 } from './1764302400000-team-channels.js';
import { KeySweeps1764302401000 } from './1764302401000-key-sweeps.js';
import { ServiceAccounts1764295200000 } from './1764295200000-service-accounts.js';
import { SharedBudgets1764298800000 } from './1764298800000-shared-budgets.js';
import { ProjectConfigs1764306000000 } from './1764306000000-project-configs.js';
import { AuditEntries1764324000000 } from './1764324000000-audit-entries.js';
import { AuditAlerts1764338400000 } from './1764338400000-audit-alerts.js';
import { WithdrawnApprovals1764309600000 } from './1764309600000-withdrawn-approvals.js';
import { ApprovalsOfSubjects1764313200000 } from './1764313200000-approvals-of-subjects.js';
import { AuditSealing1764327600000 } from './1764327600000-audit-sealing.js';
import { AuditCheckpoints1764327601000 } from './1764327601000-audit-checkpoints.js';
import { AuditSearch1764331200000 } from './1764331200000-audit-search.js';
import { AuditRemovals1764342000000 } from './1764342000000-audit-removals.js';
import { AuditRetention1764342001000 } from './1764342001000-audit-retention.js';
import { AuditSearchOfSealed1764345600000 } from './1764345600000-audit-search-of-sealed.js';
import { Exports1764334800000 } from './1764334800000-exports.js';
import { AuditChainOfKey1764349200000 } from './1764349200000-audit-chain-of-key.js';
import { Ledger1764356400000 } from './1764356400000-ledger.js';
import { UsageCharges1764356401000 } from './1764356401000-usage-charges.js';
import { EnvironmentSettings1764291600000 } from './1764291600000-environment-settings.js';
import { Approvals1764288000000 } from './1764288000000-approvals.js';
import { AllowanceFunds1764353000000 } from './1764353000000-allowance-funds.js';

/** In order, append-only. A released migration is never changed. */
export const MIGRATIONS = [
  Platform1763700000000,
  Keys1763700100000,
  Catalog1763700150000,
  Usage1763700200000,
  KeyPolicy1764201600000,
  KeyLifecycle1764205200000,
  RequestSigning1764208800000,
  KeyNames1764212400000,
  LeakedKeyAction1764216000000,
  Instances1764219600000,
  Allowances1764219900000,
  ThrottleCounters1764223200000,
  Budgets1764226800000,
  RedisMarkers1764230400000,
  UsageRollups1764234000000,
  AccessTickets1764237600000,
  RequestBodies1764241200000,
  WeeklyRollups1764244800000,
  LatencySketches1764244900000,
  Notifications1764248400000,
  KeyRotation1764252000000,
  NotificationUpkeep1764255600000,
  RetiredSecrets1764262800000,
  KeyRotations1764266400000,
  KeyCare1764259200000,
  ConsecutiveFailures1764269000000,
  People1764270000000,
  Structure1764277200000,
  KeyOwners1764280800000,
  PolicyTemplates1764284400000,
  Approvals1764288000000,
  EnvironmentSettings1764291600000,
  ServiceAccounts1764295200000,
  SharedBudgets1764298800000,
  TeamChannels1764302400000,
  KeySweeps1764302401000,
  ProjectConfigs1764306000000,
  AuditEntries1764324000000,
  AuditAlerts1764338400000,
  AuditSearchOfSealed1764345600000,
  WithdrawnApprovals1764309600000,
  ApprovalsOfSubjects1764313200000,
  AuditSealing1764327600000,
  AuditCheckpoints1764327601000,
  AuditSearch1764331200000,
  Exports1764334800000,
  AuditRemovals1764342000000,
  AuditRetention1764342001000,
  AuditChainOfKey1764349200000,
  Ledger1764356400000,
  UsageCharges1764356401000,
  AllowanceFunds1764353000000,
];
