import { type NamedUsage, sumUsage, type UsageFigures } from '#modules/usage/index.js';

const MAX_GROUPS = 100;

/** `key`: what the group is; `null` for what there is nothing to tell it by. */
export type UsageGroup = { readonly key: string | null; readonly figures: UsageFigures };

/** The groups that cost most, and the sum of the rest: nothing is missing, and there is no more than is read. */
export type RankedUsage = {
  readonly groups: readonly UsageGroup[];
  readonly other: UsageFigures | null;
};

/**
 * @param usage what has no name is part of the rest
 * @param groupsOf the groups that what has the name belongs to
 */
export function groupUsage(
  usage: readonly NamedUsage[],
  groupsOf: (name: string) => readonly (string | null)[],
): RankedUsage {
  const groups = new Map<string | null, UsageFigures[]>();
  const rest: UsageFigures[] = [];
  for (const figures of usage) {
    if (figures.name === null) rest.push(figures);
    else for (const key of groupsOf(figures.name)) put(groups, key, figures);
  }
  const ranked = [...groups]
    .map(([key, parts]) => ({ key, figures: sumUsage(parts) }))
    .sort(byCost);
  rest.push(...ranked.slice(MAX_GROUPS).map(({ figures }) => figures));
  return {
    groups: ranked.slice(0, MAX_GROUPS),
    other: rest.length === 0 ? null : sumUsage(rest),
  };
}

function put(
  groups: Map<string | null, UsageFigures[]>,
  key: string | null,
  figures: UsageFigures,
): void {
  const parts = groups.get(key);
  if (parts) parts.push(figures);
  else groups.set(key, [figures]);
}

function byCost(a: UsageGroup, b: UsageGroup): number {
  if (a.figures.costNanos !== b.figures.costNanos) {
    return a.figures.costNanos > b.figures.costNanos ? -1 : 1;
  }
  if (a.figures.requests !== b.figures.requests) return b.figures.requests - a.figures.requests;
  return (a.key ?? '') < (b.key ?? '') ? -1 : 1;
}
