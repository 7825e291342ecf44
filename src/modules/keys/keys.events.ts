declare module '#platform/events/event-map.js' {
  interface EventMap {
    /** A key's state or policy is not what it was: forget what is cached of it. */
    'keys.key-changed': { readonly organizationId: string; readonly keyId: string };
  }
}

/** Fan-out topic; the payload is the key's id. */
export const KEYS_CHANGED_TOPIC = 'keys.changed';
