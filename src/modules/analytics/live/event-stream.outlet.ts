import type { ServerResponse } from 'node:http';

import type { Closing } from './close-codes.js';
import { closed, type LiveMessage } from './live-message.js';
import { LINGER_MS, Outlet } from './outlet.js';

/** A client that reads server-sent events (HTML, §9.2). */
export class EventStreamOutlet extends Outlet {
  constructor(
    private readonly response: ServerResponse,
    requestId: string,
  ) {
    super();
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-request-id': requestId,
      // nginx would hold events back.
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    // A client that is gone is no error.
    response.on('error', () => response.destroy());
  }

  override beat(message: LiveMessage): boolean {
    this.send(message);
    return true;
  }

  override close({ code, reason }: Closing): void {
    this.response.end(closed(code, reason).event);
    setTimeout(() => this.cut(), LINGER_MS).unref();
  }

  override cut(): void {
    this.response.destroy();
  }

  override onEnd(handler: () => void): void {
    this.response.once('close', handler);
  }

  protected override get waitingBytes(): number {
    return this.response.writableLength;
  }

  protected override write(message: LiveMessage, taken: () => void): void {
    this.response.write(message.event, taken);
  }
}
