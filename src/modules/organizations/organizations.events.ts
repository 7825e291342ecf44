import type { Secret } from '#common/secret/secret.js';

declare module '#platform/events/event-map.js' {
  interface EventMap {
    /** What members may do is not what it was: roles, memberships, or whether somebody is suspended. Emitted in the transaction. */
    'organizations.members-changed': {
      /** `null`: in every organization. */
      readonly organizationId: string | null;
      /** `null`: everybody in the organization. */
      readonly userId: string | null;
    };
    /** Somebody was invited. The token is stored nowhere. */
    'organizations.member-invited': {
      readonly email: string;
      readonly organizationName: string;
      readonly token: Secret;
      readonly expiresAt: Date;
    };
    /**
     * An organization, a team, a user or a service account was suspended or resumed, a user has left, or a service account is
     * gone or may do something else: keys of theirs are judged anew. Of these at most one is named.
     */
    'organizations.standing-changed': {
      readonly organizationId: string;
      /** The team that it is about. */
      readonly teamId: string | null;
      /** The user that it is about, in this organization. */
      readonly userId: string | null;
      readonly serviceAccountId: string | null;
    };
    /** What projects of the organization want of the routing of their calls is not what it was. Emitted in the transaction. */
    'organizations.routing-settings-changed': { readonly organizationId: string };
  }
}

/** Fan-out topic; the payload is `<organization or *> <user or *>`. */
export const MEMBERS_CHANGED_TOPIC = 'organizations.members-changed';

/** Fan-out topic; the payload is `<organization> <team or -> <user or -> <service account or ->`. */
export const STANDING_CHANGED_TOPIC = 'organizations.standing-changed';
