import type { Scope } from '#common/auth/scopes.js';

/** An identity that is no person, and what it may do. */
export type ServiceAccount = {
  readonly id: string;
  /** The team that it is in for good; `null`: in none. */
  readonly teamId: string | null;
  /** Of its role; a role that is gone gives nothing. */
  readonly scopes: readonly Scope[];
  /** The account itself is; of its team and organization it says nothing. */
  readonly isSuspended: boolean;
};

/** An organization's service accounts, for the keys that belong to them. As they stand in PostgreSQL now. */
export abstract class ServiceAccounts {
  /** `null` also for another organization's. */
  abstract resolve(organizationId: string, id: string): Promise<ServiceAccount | null>;
}
