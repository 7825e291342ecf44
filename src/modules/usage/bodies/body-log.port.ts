import type { UsageCaller } from '../usage-record.js';

export const BODY_KINDS = ['request', 'response'] as const;
export type BodyKind = (typeof BODY_KINDS)[number];

/** One call whose bodies, or one of them, are to be kept. */
export type LoggedCall = {
  readonly requestId: string;
  readonly caller: UsageCaller;
  readonly keeps: Readonly<Record<BodyKind, boolean>>;
  /** As the client sent it. Not copied before the call has ended. */
  readonly request: Buffer;
};

/** What is kept of one call, while it goes on. None of it throws or waits. */
export abstract class CallBodies {
  /** More of the answer, as the client gets it. The bytes are copied. */
  abstract sent(bytes: Buffer): void;
  /** Nothing follows. Called once. */
  abstract end(): void;
}

/**
 * Keeps bodies of calls: the first 64 KiB of each, sealed, in PostgreSQL, in the background. It is best effort, other than the
 * usage record of a call: what PostgreSQL does not take in time, and what is in memory when the process dies, is lost.
 */
export abstract class BodyLog {
  abstract begin(call: LoggedCall): CallBodies;
}
