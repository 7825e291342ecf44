import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import {
  type EndpointMetadata,
  OF_THE_WHOLE_ORGANIZATION,
} from '#platform/http/endpoint.decorator.js';

/**
 * Nothing bounds the organization, so whoever holds a bounded key would do with it what the key itself may not: take away
 * other teams, or what they need. It goes by the route's scope, so that no new route is open by mistake.
 * @throws {AppError} `escalation_denied`
 */
export function refuseBoundedKey(
  { scope, allowsTeamKeys = false }: EndpointMetadata,
  { role, isBounded, teamId }: Principal,
): void {
  const isBoundedKey = role === null && isBounded;
  if (!isBoundedKey || !OF_THE_WHOLE_ORGANIZATION.has(scope)) return;
  if (allowsTeamKeys && teamId !== null) return;
  throw new AppError('escalation_denied', {
    message:
      'A key with a policy, an end, a team or projects, and a test key, changes nothing of the whole organization: use a session, or a key that only its scopes bound.',
  });
}
