/**
 * Tells every running instance of a rare, small change: "key X is not what you cached". At most once, and delivered to
 * the publisher as well. What one publishes after an earlier message was handed over arrives after that message. It
 * carries no truth and no secret: a receiver re-reads PostgreSQL.
 */
export abstract class Fanout {
  /**
   * Resolves when the message is handed to the shared medium.
   * @param topic a constant name such as `keys.changed`
   * @param payload at most 1 KiB of text, ids only
   */
  abstract publish(topic: string, payload: string): Promise<void>;

  /** Calls `handler` for each message of `topic` from any instance. Handlers must not throw. */
  abstract subscribe(topic: string, handler: (payload: string) => void): void;

  /** Calls `handler` when messages may have been missed (a connection was lost and is back): forget what is cached. */
  abstract onGap(handler: () => void): void;

  /**
   * When, on the clock of `performance.now()`, the connection was last proven to deliver; `-Infinity` before the first
   * time. While it works this is at most about a second ago. Reading it costs nothing.
   */
  abstract get lastConfirmedAt(): number;
}
