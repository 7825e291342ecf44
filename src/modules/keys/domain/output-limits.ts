import type { KeyPolicy } from './policy/key-policy.js';

/** The models, by name or pattern, whose output tokens a policy limits per request. */
export function outputLimits({
  modelLimits,
}: KeyPolicy): { readonly pattern: string; readonly max: number }[] {
  return Object.entries(modelLimits).flatMap(([pattern, { maxTokensPerRequest: max }]) =>
    max === undefined ? [] : [{ pattern, max }],
  );
}
