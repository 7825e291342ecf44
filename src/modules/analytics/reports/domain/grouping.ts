import { invalid } from './period.js';

const GROUPINGS = [
  'model',
  'provider',
  'feature',
  'status',
  'key',
  'environment',
  'team',
  'project',
] as const;
const METADATA = /^metadata\.(.{1,64})$/;

type NamedGrouping = {
  [Name in (typeof GROUPINGS)[number]]: { readonly by: Name };
}[(typeof GROUPINGS)[number]];
export type Grouping = NamedGrouping | { readonly by: 'metadata'; readonly field: string };

/** @throws {AppError} `invalid_request` */
export function readGrouping(text: string): Grouping {
  const known = GROUPINGS.find((name) => name === text);
  if (known) return { by: known };
  const field = METADATA.exec(text)?.[1];
  if (field !== undefined) return { by: 'metadata', field };
  throw invalid(
    'group_by',
    `group_by must be one of ${GROUPINGS.join(', ')} or metadata.<field of the keys’ metadata>`,
  );
}
