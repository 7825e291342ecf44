declare module '#platform/events/event-map.js' {
  interface EventMap {
    /** Some or all of a user's sessions are over: forget what is cached of them. */
    'auth.sessions-ended': { readonly userId: string };
  }
}

/** Fan-out topic; the payload is the user's id. */
export const SESSIONS_ENDED_TOPIC = 'auth.sessions-ended';
