import type { EventMap } from '#platform/events/event-map.js';

export type StandingChange = EventMap['organizations.standing-changed'];

/** As the fan-out carries it: `<organization> <team or -> <user or ->`. */
export function writeStanding({ organizationId, teamId, userId }: StandingChange): string {
  return `${organizationId} ${teamId ?? '-'} ${userId ?? '-'}`;
}

export function readStanding(payload: string): StandingChange {
  const [organizationId = '', teamId = '-', userId = '-'] = payload.split(' ');
  return { organizationId, teamId: orNull(teamId), userId: orNull(userId) };
}

function orNull(id: string): string | null {
  return id === '-' ? null : id;
}
