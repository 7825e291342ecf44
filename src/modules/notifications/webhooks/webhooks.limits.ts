/** What one organization may have, besides those of its keys. */
export const MAX_WEBHOOKS = 100;
