/** How long somebody has to approve what waits for it. */
export abstract class ApprovalPolicy {
  /** Hours, as they stand in PostgreSQL now. */
  abstract approvalHoursOf(organizationId: string): Promise<number>;
}
