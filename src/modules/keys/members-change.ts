import type { EventMap } from '#platform/events/event-map.js';

export type MembersChange = EventMap['organizations.members-changed'];

/** As the fan-out carries it: `<organization or *> <user or *>`. */
export function readMembers(payload: string): MembersChange {
  const [organizationId = '*', userId = '*'] = payload.split(' ');
  const orNull = (id: string): string | null => (id === '*' ? null : id);
  return { organizationId: orNull(organizationId), userId: orNull(userId) };
}

/** What can be dropped of what is known of keys, and of who sees them. */
type Known = { invalidate(tag: string): void; clear(): void };

/** @param known of which every value is tagged with the user and the organization that it depends on */
export function forgetMembers(known: Known, { organizationId, userId }: MembersChange): void {
  if (userId !== null) known.invalidate(userId);
  else if (organizationId !== null) known.invalidate(organizationId);
  else known.clear();
}
