/** DI token of this instance's `SpoolFolder`. */
export const SPOOL_FOLDER = Symbol('usage.spool-folder');
