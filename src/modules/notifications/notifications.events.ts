declare module '#platform/events/event-map.js' {
  interface EventMap {
    /** There may be a notification with this id to be sent; not where another of its deduplication id was there before. */
    'notifications.notification-recorded': { readonly id: string };
  }
}
