import { AppError } from '#common/errors/app-error.js';

export const DEFAULT_PAGE_SIZE = 50;
export const MAX_PAGE_SIZE = 200;

/** A list's place: rows are ordered newest first by creation time, then id. */
export type CursorPosition = { readonly createdAt: Date; readonly id: string };

export type Page<T> = {
  readonly data: T[];
  readonly has_more: boolean;
  readonly next_cursor: string | null;
};

const CURSOR = /^(\d{1,16})\.([A-Za-z0-9_]{1,64})$/;

export function encodeCursor(position: CursorPosition): string {
  return Buffer.from(`${position.createdAt.getTime()}.${position.id}`).toString('base64url');
}

/** A cursor names a place only: the query that it is used in names the tenant, so a foreign one reveals nothing. */
export function decodeCursor(cursor: string | undefined): CursorPosition | null {
  if (cursor === undefined) return null;
  const match = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  const createdAt = new Date(Number(match?.[1]));
  if (!match || Number.isNaN(createdAt.getTime())) {
    throw new AppError('invalid_request', {
      message: 'This cursor is not valid. Use the next_cursor of an earlier answer.',
      param: 'cursor',
    });
  }
  return { createdAt, id: match[2] as string };
}

/** Turns `limit + 1` fetched rows into a page of at most `limit`. */
export function toPage<Row extends CursorPosition, View>(
  rows: readonly Row[],
  limit: number,
  view: (row: Row) => View,
): Page<View> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return {
    data: shown.map(view),
    has_more: hasMore,
    next_cursor: hasMore ? encodeCursor(last) : null,
  };
}
