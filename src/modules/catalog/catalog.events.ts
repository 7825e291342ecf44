declare module '#platform/events/event-map.js' {
  interface EventMap {
    /** A provider or route of an organization is not what it was: forget what is cached of them. */
    'catalog.changed': { readonly organizationId: string };
  }
}

/** Fan-out topic; the payload is the organization's id. */
export const CATALOG_CHANGED_TOPIC = 'catalog.changed';
