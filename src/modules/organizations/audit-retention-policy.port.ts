/** For how long an organization's audit log is kept, unless it says otherwise. */
export const DEFAULT_AUDIT_RETENTION_DAYS = 90;
/** Less, and whoever has taken over an organization is rid of what would tell of it too soon. */
export const MIN_AUDIT_RETENTION_DAYS = 30;
export const MAX_AUDIT_RETENTION_DAYS = 3_650;

/** For how many days the entries of an organization's audit log are kept. */
export abstract class AuditRetentionPolicy {
  /** As it stands in PostgreSQL now; the default of one for a log whose organization is not there. */
  abstract auditRetentionDaysOf(organizationId: string): Promise<number>;
}
