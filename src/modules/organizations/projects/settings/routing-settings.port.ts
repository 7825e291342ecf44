import type { Preference } from './project-settings.port.js';

/** What the projects of one key want of the routing of its calls, all together. */
export type RoutingSettings = {
  readonly preference: Preference;
  /** By name; `null`: any. */
  readonly allowedProviders: ReadonlySet<string> | null;
  readonly allowOverwrite: boolean;
};

/** An organization's settings, compiled: only read, never changed. */
export type RoutingRules = {
  /**
   * For a key of these projects; `null` where nothing is set. Of several projects a provider must be allowed by each, a
   * request may ask for other things where each lets it, and `cost` is preferred to `speed`, and that to `balanced`.
   * @param projectIds of a cached view: what was worked out for the same list is remembered
   */
  of(projectIds: readonly string[]): RoutingSettings | null;
};

export abstract class RoutingSettingsReader {
  /** As it stands in PostgreSQL now; `null` where neither the organization nor a project of it has set anything. */
  abstract rulesOf(organizationId: string): Promise<RoutingRules | null>;
}
