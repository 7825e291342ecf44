import type { ColumnOptions } from 'typeorm';

/** Milliseconds are what a JavaScript date and a cursor can hold; finer times would make pages skip rows. */
export const TIMESTAMP: ColumnOptions = { type: 'timestamp with time zone', precision: 3 };
export const NULLABLE_TIMESTAMP: ColumnOptions = { ...TIMESTAMP, nullable: true };
