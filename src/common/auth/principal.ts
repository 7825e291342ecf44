import type { AccessLevel, ScopeMask } from './scopes.js';

export type Environment = 'production' | 'staging' | 'development';
export const ENVIRONMENTS = [
  'production',
  'staging',
  'development',
] as const satisfies Environment[];

/** Who is calling: an authenticated credential, with what every module may need to know of it. */
export type Principal = {
  readonly organizationId: string;
  readonly keyId: string;
  readonly accessLevel: AccessLevel | null;
  readonly scopeMask: ScopeMask;
  /** Whether this credential may use the model of that name. */
  readonly allowsModel: (model: string) => boolean;
};
