declare module '#platform/events/event-map.js' {
  interface EventMap {
    /** What members may do is not what it was: roles, memberships, or whether somebody is suspended. Emitted in the transaction. */
    'organizations.members-changed': {
      /** `null`: in every organization. */
      readonly organizationId: string | null;
      /** `null`: everybody in the organization. */
      readonly userId: string | null;
    };
  }
}

/** Fan-out topic; the payload is `<organization or *> <user or *>`. */
export const MEMBERS_CHANGED_TOPIC = 'organizations.members-changed';
