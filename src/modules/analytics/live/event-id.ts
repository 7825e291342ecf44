import { type FeedPosition, isFeedPosition, shortened } from '#modules/usage/index.js';

/** For how long a stream can be taken up again where it was left. */
export const RESUMABLE_MS = 5 * 60_000;

const FORM = /^([0-9a-z]{1,9})\.([\d:,]{1,4096})\.([0-9A-Za-z_]{1,64})$/;

/**
 * Where a message stands: when it was sent, the position that a stream goes on from behind it, and what it is about.
 * Any instance can go on from it, so nothing has to be remembered of a stream that is gone.
 * @param about of one position the messages’ ids differ in this
 */
export function eventId(sentAtMs: number, position: FeedPosition, about: string): string {
  return `${sentAtMs.toString(36)}.${shortened(position)}.${about}`;
}

/** From where to go on; `null` when the id is none of ours, or too old. */
export function positionOf(id: string, nowMs: number): FeedPosition | null {
  const [, sentAt = '', position = ''] = FORM.exec(id) ?? [];
  if (!isFeedPosition(position)) return null;
  return nowMs - parseInt(sentAt, 36) <= RESUMABLE_MS ? position : null;
}
