/** For how many days a key's entries of the audit log are kept at least, as its policy says (`security.audit.retention_days`). */
export type KeyAuditRetention = { readonly keyId: string; readonly days: number };

export abstract class KeyAuditRetentions {
  /** Of an organization's keys whose policies say so, by id, from the one after `afterId` on. Those that can't be used any more too. */
  abstract list(
    organizationId: string,
    afterId: string,
    limit: number,
  ): Promise<KeyAuditRetention[]>;
}
