const HOUR_MS = 3_600_000;

/** However much it is used. */
export const SESSION_MS = 7 * 24 * HOUR_MS;
/** Without being used. */
export const IDLE_MS = 24 * HOUR_MS;
