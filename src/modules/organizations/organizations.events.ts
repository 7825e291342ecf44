declare module '#platform/events/event-map.js' {
  interface EventMap {
    /** What members may do is not what it was: roles, memberships, or whether somebody is suspended. Emitted in the transaction. */
    'organizations.members-changed': {
      /** `null`: in every organization. */
      readonly organizationId: string | null;
      /** `null`: everybody in the organization. */
      readonly userId: string | null;
    };
    /** An organization, a team or a user was suspended or resumed, or a user has left: keys of theirs are judged anew. */
    'organizations.standing-changed': {
      readonly organizationId: string;
      /** The team that it is about; `null` where it is the whole organization or a user. */
      readonly teamId: string | null;
      /** The user that it is about, in this organization. */
      readonly userId: string | null;
    };
  }
}

/** Fan-out topic; the payload is `<organization or *> <user or *>`. */
export const MEMBERS_CHANGED_TOPIC = 'organizations.members-changed';

/** Fan-out topic; the payload is `<organization> <team or -> <user or ->`. */
export const STANDING_CHANGED_TOPIC = 'organizations.standing-changed';
