/** The organization that a fresh installation has, and that its master key belongs to. */
export abstract class DefaultOrganization {
  /** Its id, `org_…`. It is made by the first call ever. */
  abstract ensure(): Promise<string>;
}
