import { AppError } from '#common/errors/app-error.js';
import { type JsonName, readMember } from '#common/json/json-members.js';

import { type InferenceRequest, refuseLookalike } from './inference-request.js';

/**
 * A whole number from 1 that a limit looks at; `null` where the request has none.
 * @throws {AppError} `invalid_request` for anything else than one up to `most`, or a name in other letters
 */
export function wholeNumberOf(
  request: InferenceRequest,
  name: JsonName,
  most: number,
): number | null {
  if (!request.mentions(name)) return null;
  refuseLookalike(request, name);
  const member = request.find(name);
  const value = member ? readMember(request.body, member) : null;
  if (value === null) return null;
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most) {
    return value as number;
  }
  throw new AppError('invalid_request', {
    message: `${name.text} must be a whole number from 1 to ${most}.`,
    param: name.text,
  });
}
