/** What of an organization's waits for somebody's approval, and how long they have for it. */
export abstract class ApprovalPolicy {
  /** Hours, as they stand in PostgreSQL now. */
  abstract approvalHoursOf(organizationId: string): Promise<number>;

  /** Nano-dollars above which lifting a budget waits, as they stand in PostgreSQL now; `null`: nothing waits. */
  abstract budgetThresholdOf(organizationId: string): Promise<number | null>;
}
