import { invalid } from './period.js';

const GROUPINGS = ['model', 'provider', 'feature', 'status', 'key', 'environment'] as const;
const METADATA = /^metadata\.(.{1,64})$/;

export type Grouping =
  { readonly by: (typeof GROUPINGS)[number] } | { readonly by: 'metadata'; readonly field: string };

/** @throws {AppError} `invalid_request` */
export function readGrouping(text: string): Grouping {
  const known = GROUPINGS.find((name) => name === text);
  if (known) return { by: known };
  const field = METADATA.exec(text)?.[1];
  if (field !== undefined) return { by: 'metadata', field };
  if (text === 'team' || text === 'project') {
    throw invalid('group_by', `There are no ${text}s yet. Group by a key’s metadata instead.`);
  }
  throw invalid(
    'group_by',
    `group_by must be one of ${GROUPINGS.join(', ')} or metadata.<field of the keys’ metadata>`,
  );
}
