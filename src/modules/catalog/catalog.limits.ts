/** What one organization may have: the whole of it is held in memory by every instance that serves it. */
export const MAX_PROVIDERS = 100;
export const MAX_ROUTES = 2_000;
