import type { IncomingMessage } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';

import type { Upgrade } from '#platform/http/upgrades.js';

import type { Closing } from './close-codes.js';
import type { LiveMessage } from './live-message.js';
import { LINGER_MS, Outlet } from './outlet.js';

/** Clients have nothing to say. */
const MAX_MESSAGE_BYTES = 1_024;

const server = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  // A compressor takes more memory than all that waits for a client.
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE_BYTES,
});
const requestIds = new WeakMap<IncomingMessage, string>();
server.on('headers', (lines: string[], request: IncomingMessage) => {
  lines.push(`x-request-id: ${requestIds.get(request)}`);
});

/** A client that reads a WebSocket (RFC 6455). */
export class WebSocketOutlet extends Outlet {
  #isAlive = true;

  private constructor(private readonly socket: WebSocket) {
    super();
    socket.on('pong', () => (this.#isAlive = true));
    // What breaks the rules is closed by the library, with the code that says so.
    socket.on('error', () => undefined);
  }

  /** `null`: the client has left meanwhile. */
  static accept(
    request: IncomingMessage,
    { socket, head }: Upgrade,
    requestId: string,
  ): WebSocketOutlet | null {
    let outlet: WebSocketOutlet | null = null;
    requestIds.set(request, requestId);
    server.handleUpgrade(request, socket, head, (accepted) => {
      outlet = new WebSocketOutlet(accepted);
    });
    return outlet;
  }

  override beat(message: LiveMessage): boolean {
    const wasAlive = this.#isAlive;
    this.#isAlive = false;
    if (this.socket.readyState === WebSocket.OPEN) this.socket.ping();
    this.send(message);
    return wasAlive;
  }

  override close({ code, reason }: Closing): void {
    this.socket.close(code, reason);
    setTimeout(() => this.cut(), LINGER_MS).unref();
  }

  override cut(): void {
    this.socket.terminate();
  }

  override onEnd(handler: () => void): void {
    this.socket.once('close', handler);
  }

  protected override get waitingBytes(): number {
    return this.socket.bufferedAmount;
  }

  protected override write(message: LiveMessage, taken: () => void): void {
    this.socket.send(message.json, { binary: false }, taken);
  }
}
