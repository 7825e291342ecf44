import type { Preference, ProjectSettings } from '../project-settings.port.js';
import type { RoutingRules, RoutingSettings } from '../routing-settings.port.js';

export type OwnSettings = {
  /** `null`: the organization's. */
  readonly projectId: string | null;
  readonly settings: ProjectSettings;
};

/** The first that any of several projects wants is taken. */
const BY_PRECEDENCE: readonly Preference[] = ['cost', 'speed', 'balanced'];

/** @param all of one organization; `null` for none at all */
export function compileRules(all: readonly OwnSettings[]): RoutingRules | null {
  if (all.length === 0) return null;
  const own = new Map(all.map(({ projectId, settings }) => [projectId, compile(settings)]));
  const general = own.get(null) ?? null;
  const known = new WeakMap<readonly string[], RoutingSettings | null>();
  const settingsOf = (projectIds: readonly string[]): RoutingSettings | null => {
    if (projectIds.length === 0) return general;
    return projectIds.map((id) => own.get(id) ?? general).reduce(combine);
  };
  return {
    of: (projectIds) => {
      const remembered = known.get(projectIds);
      if (remembered !== undefined) return remembered;
      const settings = settingsOf(projectIds);
      known.set(projectIds, settings);
      return settings;
    },
  };
}

function compile({
  preference,
  allowedProviders,
  allowOverwrite,
}: ProjectSettings): RoutingSettings {
  return {
    preference,
    allowedProviders: allowedProviders && new Set(allowedProviders),
    allowOverwrite,
  };
}

function combine(a: RoutingSettings | null, b: RoutingSettings | null): RoutingSettings | null {
  if (a === null || b === null) return a ?? b;
  const wanted = [a.preference, b.preference];
  return {
    preference: BY_PRECEDENCE.find((one) => wanted.includes(one)) ?? 'balanced',
    allowedProviders: intersect(a.allowedProviders, b.allowedProviders),
    allowOverwrite: a.allowOverwrite && b.allowOverwrite,
  };
}

function intersect(
  a: ReadonlySet<string> | null,
  b: ReadonlySet<string> | null,
): ReadonlySet<string> | null {
  return a === null || b === null ? (a ?? b) : new Set([...a].filter((name) => b.has(name)));
}
