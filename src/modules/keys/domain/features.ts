/**
 * What a request can make use of, as a key's policy names it. A request has the one feature of the operation it calls,
 * and every other whose use is seen in it. The order is that of the bits: add at the end only.
 */
export const FEATURES = [
  'chat_completion',
  'text_completion',
  'embeddings',
  'streaming',
  'function_calling',
  'vision',
  'audio_input',
  'file_input',
  'structured_outputs',
  'web_search',
  'prompt_caching',
  'message_transforms',
  'custom_presets',
  'batch_processing',
  'priority_queue',
  'zero_completion_insurance',
] as const;
export type Feature = (typeof FEATURES)[number];

/** A set of features as a bit mask. */
export type FeatureMask = number;

const BIT_OF_FEATURE = new Map<string, number>(
  FEATURES.map((feature, index) => [feature, 1 << index]),
);

export const ALL_FEATURES: FeatureMask = 2 ** FEATURES.length - 1;

export function featureMask(features: readonly Feature[]): FeatureMask {
  return features.reduce((mask, feature) => mask | (BIT_OF_FEATURE.get(feature) ?? 0), 0);
}

export function featuresOf(mask: FeatureMask): Feature[] {
  return FEATURES.filter((_, index) => (mask & (1 << index)) !== 0);
}
