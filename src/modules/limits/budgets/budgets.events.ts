declare module '#platform/events/event-map.js' {
  interface EventMap {
    /** A budget of an organization is new, changed or gone: forget what is cached of them. */
    'limits.budgets-changed': { readonly organizationId: string };
  }
}

/** Fan-out topic; the payload is the organization's id. */
export const BUDGETS_CHANGED_TOPIC = 'limits.budgets-changed';
