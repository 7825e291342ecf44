import type { RoutingRules } from '#modules/organizations/index.js';

import type { Candidate, RoutedModel, RouteTable } from '../../route-directory.port.js';

/** A candidate for a model, and since when it is one. */
export type ModelCandidate = {
  readonly model: string;
  readonly createdAt: Date;
  readonly candidate: Candidate;
};

const NONE: readonly Candidate[] = [];

/** @param rows in the order in which a model's candidates are to be tried */
export function compileRouteTable(
  rows: readonly ModelCandidate[],
  rules: RoutingRules | null = null,
): RouteTable {
  const byModel = new Map<string, ModelCandidate[]>();
  for (const row of rows) {
    const others = byModel.get(row.model);
    if (others) others.push(row);
    else byModel.set(row.model, [row]);
  }
  const candidates = new Map(
    [...byModel].map(([model, own]) => [model, own.map(({ candidate }) => candidate)]),
  );
  const models = [...byModel.values()].flatMap(describe).sort(byName);
  return { candidates: (model) => candidates.get(model) ?? NONE, models: () => models, rules };
}

function describe(rows: readonly ModelCandidate[]): RoutedModel[] {
  const [first] = rows;
  if (!first) return [];
  return [
    {
      model: first.model,
      createdAt: new Date(Math.min(...rows.map(({ createdAt }) => createdAt.getTime()))),
      providerName: first.candidate.provider.name,
      contextLength: first.candidate.contextLength,
      maxOutputTokens: first.candidate.maxOutputTokens,
    },
  ];
}

function byName(a: RoutedModel, b: RoutedModel): number {
  return a.model < b.model ? -1 : 1;
}
