import type { IncomingMessage } from 'node:http';

import type { Principal } from '#common/auth/principal.js';
import type { AppError } from '#common/errors/app-error.js';

/** A request that got an error for an answer. */
export type RefusedRequest = {
  readonly error: AppError;
  readonly request: IncomingMessage;
  /** `null` where nobody knows who sent it. */
  readonly principal: Principal | null;
  readonly requestId: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
};

/** Who was refused by a guard, which hands on nobody. */
const callers = new WeakMap<IncomingMessage, Principal>();

/** For guards that refuse somebody whom they know. */
export function noteRefusedCaller(request: IncomingMessage, principal: Principal): void {
  callers.set(request, principal);
}

export function refusedCallerOf(request: IncomingMessage): Principal | null {
  return callers.get(request) ?? null;
}

/** Requests of which all is written down that there is to say. */
const recorded = new WeakSet<IncomingMessage>();

export function noteRecorded(request: IncomingMessage): void {
  recorded.add(request);
}

export function isRecorded(request: IncomingMessage): boolean {
  return recorded.has(request);
}
