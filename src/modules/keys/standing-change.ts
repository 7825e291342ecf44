import type { EventMap } from '#platform/events/event-map.js';

export type StandingChange = EventMap['organizations.standing-changed'];

/** As the fan-out carries it: `<organization> <team or -> <user or -> <service account or ->`. */
export function writeStanding(change: StandingChange): string {
  const { organizationId, teamId, userId, serviceAccountId } = change;
  return [organizationId, teamId ?? '-', userId ?? '-', serviceAccountId ?? '-'].join(' ');
}

export function readStanding(payload: string): StandingChange {
  const [organizationId = '', ...ids] = payload.split(' ');
  // What an instance of the version before sends names no service account.
  const [teamId = '-', userId = '-', serviceAccountId = '-'] = ids;
  return {
    organizationId,
    teamId: orNull(teamId),
    userId: orNull(userId),
    serviceAccountId: orNull(serviceAccountId),
  };
}

function orNull(id: string): string | null {
  return id === '-' ? null : id;
}
