import type { NotificationType } from './notifier.port.js';

/** What is sent of a notification, by whatever channel. */
export type OutgoingMessage = {
  /** The same at each attempt, for receivers to know what they have had already. */
  readonly id: string;
  readonly organizationId: string;
  readonly type: NotificationType;
  readonly keyId: string | null;
  readonly occurredAt: Date;
  readonly data: Readonly<Record<string, unknown>>;
};

/** How an attempt to send one ended. `isFinal`: another attempt would be of no use. */
export type SendOutcome =
  | { readonly isSent: true; readonly status: number | null }
  | {
      readonly isSent: false;
      readonly status: number | null;
      readonly error: string;
      readonly retryAfterMs: number | null;
      readonly isFinal: boolean;
    };
