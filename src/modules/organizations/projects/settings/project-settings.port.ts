export const PREFERENCES = ['speed', 'cost', 'balanced'] as const;
export type Preference = (typeof PREFERENCES)[number];

/** Where the calls of a project's keys go. */
export type ProjectSettings = {
  /** What decides among the providers of a model. */
  readonly preference: Preference;
  /** By name; `null`: any. */
  readonly allowedProviders: readonly string[] | null;
  /** Whether a request may ask for other things than these settings say. */
  readonly allowOverwrite: boolean;
};

/** What settings are of: a project of the organization, or for `null` all keys that no project's settings speak of. */
export type SettingsScope = {
  readonly organizationId: string;
  readonly projectId: string | null;
};

export type SettingsInForce = SettingsScope & {
  readonly settings: ProjectSettings;
  /** Of the settings; of the project or organization while it has none of its own. */
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

/** Reads and changes what projects want of the routing of their calls. */
export abstract class ProjectConfigs {
  /**
   * A project without settings of its own has the organization's.
   * @throws {AppError} `not_found` for a project that is none of the organization's
   */
  abstract read(scope: SettingsScope): Promise<SettingsInForce>;

  /**
   * Changes what is given. Every instance routes by it within a second.
   * @param isAdmin whoever is not changes settings only while those let requests ask for other things
   * @throws {AppError} `not_found`; `operation_not_allowed`; `invalid_request` for a provider that there is not
   */
  abstract change(
    scope: SettingsScope,
    changes: Partial<ProjectSettings>,
    isAdmin: boolean,
  ): Promise<void>;
}
