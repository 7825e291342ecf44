import { Injectable } from '@nestjs/common';

import {
  featuresOf,
  type KeyAttributes,
  KeyAttributesReader,
  type KeyView,
} from '#modules/keys/index.js';
import type { NamedUsage, UsageGrouping, UsageReport } from '#modules/usage/index.js';

import type { LabelledGroups } from './analytics.view.js';
import type { Grouping } from './domain/grouping.js';
import { groupUsage, type RankedUsage } from './domain/usage-groups.js';

/** A key that is for several projects counts for the first: so the groups add up. */
const ATTRIBUTES = {
  environment: 'environment',
  team: 'teamId',
  project: 'projectId',
  metadata: 'metadata',
} as const satisfies Record<string, keyof KeyAttributes>;
type AttributeGrouping = Extract<Grouping, { readonly by: keyof typeof ATTRIBUTES }>;

/** Whose usage a report is about, and who asks; `keyId` is `null` for all of the organization. */
export type Subject = { readonly caller: KeyView; readonly keyId: string | null };

/** What usage must be summed by for a grouping; models and features are always told. */
export function readBy({ by }: Grouping, { keyId }: Subject): UsageGrouping | null {
  if (by === 'model' || by === 'feature') return null;
  if (by === 'provider' || by === 'status') return by;
  return keyId === null ? 'key' : null;
}

/** Puts what was used into the groups that were asked for. */
@Injectable()
export class GroupUsageService {
  constructor(private readonly keys: KeyAttributesReader) {}

  async group(grouping: Grouping, subject: Subject, report: UsageReport): Promise<LabelledGroups> {
    switch (grouping.by) {
      case 'model':
        return unlabelled(groupUsage(report.models, (name) => [name]));
      case 'feature':
        return unlabelled(groupUsage(report.featureSets, groupsOfFeatures));
      case 'provider':
        return unlabelled(groupUsage(report.groups, (name) => [name === '' ? null : name]));
      case 'status':
        return unlabelled(groupUsage(report.groups, (name) => [`${name}xx`]));
      case 'key':
        return this.#byKey(subject, report);
      case 'environment':
      case 'team':
      case 'project':
      case 'metadata':
        return unlabelled(await this.#byAttribute(grouping, subject, report));
    }
  }

  async #byKey(subject: Subject, report: UsageReport): Promise<LabelledGroups> {
    const ranked = groupUsage(usageByKey(subject, report), (name) => [name]);
    const ids = ranked.groups.flatMap(({ key }) => key ?? []);
    const keys = await this.keys.of(subject.caller, ids, null);
    return { ranked, labels: new Map([...keys].map(([id, { name }]) => [id, name])) };
  }

  /** By what the keys have. */
  async #byAttribute(
    grouping: AttributeGrouping,
    subject: Subject,
    report: UsageReport,
  ): Promise<RankedUsage> {
    const usage = usageByKey(subject, report);
    const ids = usage.flatMap(({ name }) => name ?? []);
    const field = grouping.by === 'metadata' ? grouping.field : null;
    const keys = await this.keys.of(subject.caller, ids, field);
    return groupUsage(usage, (id) => [keys.get(id)?.[ATTRIBUTES[grouping.by]] ?? null]);
  }
}

/** All of a report on one key is that key's. */
function usageByKey({ keyId }: Subject, { total, groups }: UsageReport): readonly NamedUsage[] {
  if (keyId === null) return groups;
  return total.requests === 0 ? [] : [{ ...total, name: keyId }];
}

function groupsOfFeatures(mask: string): readonly (string | null)[] {
  const features = featuresOf(Number(mask));
  return features.length === 0 ? [null] : features;
}

function unlabelled(ranked: RankedUsage): LabelledGroups {
  return { ranked, labels: new Map() };
}
