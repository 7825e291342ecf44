import type { AppError } from '#common/errors/app-error.js';

/** Why a stream ends: its code (RFC 6455 §7.4; 4000 and up are ours) and a word that says it. */
export type Closing = { readonly code: number; readonly reason: string };

export const GOING_AWAY: Closing = { code: 1001, reason: 'shutting_down' };
export const TOO_SLOW: Closing = { code: 4408, reason: 'too_slow' };
export const WATCHED_KEY_REVOKED: Closing = { code: 4410, reason: 'watched_key_revoked' };

/** 4000 and the status that a request of this caller would be refused with now. */
export function refusedWith({ status, code }: AppError): Closing {
  return { code: 4_000 + status, reason: code };
}
