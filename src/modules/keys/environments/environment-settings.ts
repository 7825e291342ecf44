import type { Environment } from '#common/auth/principal.js';

import type { PolicyDocument } from '../domain/policy/policy-document.js';
import type { EnvironmentRules } from './domain/environment-rules.js';

/** What an organization says of its keys of one environment. */
export type EnvironmentSettings = {
  readonly organizationId: string;
  readonly environment: Environment;
  /** What a new key starts with, in the canonical spelling; only what is said. */
  readonly defaults: PolicyDocument;
  readonly rules: EnvironmentRules;
  /** Grows by one with each change, from 0 where nothing was ever said; the `ETag`. */
  readonly version: number;
  /** The key, or the user, that changed it last. */
  readonly updatedBy: string | null;
  readonly updatedAt: Date | null;
};
