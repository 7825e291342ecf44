import { AppError } from '#common/errors/app-error.js';
import { type JsonName, readMember } from '#common/json/json-members.js';
import { type Preference, PREFERENCES } from '#modules/organizations/index.js';

import {
  ALLOWED_PROVIDERS,
  type InferenceRequest,
  PREFERENCE,
  refuseLookalike,
} from './inference-request.js';

const MAX_PROVIDERS = 100;
const MAX_PROVIDER_NAME = 128;

/** Where a request wants to go. Absent: it says nothing of that. */
export type RequestedRouting = {
  readonly preference?: Preference;
  /** By name; `null`: any. */
  readonly allowedProviders?: ReadonlySet<string> | null;
};

/**
 * What the request itself says of its routing; `null` for nothing, which is found out without reading anything.
 * @throws {AppError} `invalid_request` naming the member
 */
export function requestedRouting(request: InferenceRequest): RequestedRouting | null {
  if (!request.mentions(PREFERENCE) && !request.mentions(ALLOWED_PROVIDERS)) return null;
  const preference = valueOf(request, PREFERENCE);
  const providers = valueOf(request, ALLOWED_PROVIDERS);
  return {
    ...(preference !== undefined &&
      preference !== null && { preference: toPreference(preference) }),
    ...(providers !== undefined && { allowedProviders: toProviders(providers) }),
  };
}

function valueOf(request: InferenceRequest, name: JsonName): unknown {
  refuseLookalike(request, name);
  const member = request.find(name);
  return member && readMember(request.body, member);
}

function toPreference(value: unknown): Preference {
  const known = PREFERENCES.find((one) => one === value);
  if (known) return known;
  throw new AppError('invalid_request', {
    message: `preference must be one of ${PREFERENCES.join(', ')}.`,
    param: PREFERENCE.text,
  });
}

/** Empty is as good as `null`, as it is in a project's settings. */
function toProviders(value: unknown): ReadonlySet<string> | null {
  if (value === null) return null;
  if (Array.isArray(value) && value.length <= MAX_PROVIDERS && value.every(isProviderName)) {
    return value.length === 0 ? null : new Set(value);
  }
  throw new AppError('invalid_request', {
    message: `allowed_providers must be a list of at most ${MAX_PROVIDERS} names of providers.`,
    param: ALLOWED_PROVIDERS.text,
  });
}

function isProviderName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_PROVIDER_NAME;
}
