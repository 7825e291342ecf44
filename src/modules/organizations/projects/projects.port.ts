export type Project = {
  readonly id: string;
  readonly name: string;
  readonly teamId: string | null;
};

export abstract class Projects {
  /** Those of `ids` that are the organization's, in no order; as they stand in PostgreSQL now. */
  abstract findAll(organizationId: string, ids: readonly string[]): Promise<Project[]>;
}
