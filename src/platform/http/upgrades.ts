import { type IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { AppError } from '#common/errors/app-error.js';

/** The connection of a request that asks to go on as a WebSocket, and what came on it behind the request. */
export type Upgrade = { readonly socket: Socket; readonly head: Buffer };

const upgrades = new WeakMap<IncomingMessage, Upgrade>();
/** 16 bytes in base64 (RFC 6455 §4.1). */
const WEB_SOCKET_KEY = /^[+/0-9A-Za-z]{22}==$/;
const WEB_SOCKET_VERSION = '13';

/**
 * Lets requests for a WebSocket go the way of all others, so that the same guards decide on them and the same envelopes
 * carry their errors; the route takes the connection once it has let them in ({@link takeUpgrade}). Where it does not,
 * the answer is an ordinary one, and the last of its connection.
 */
export function serveUpgrades(server: Server, handler: RequestListener): void {
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    // Node has taken its own handler off, and an error without one ends the process.
    socket.on('error', () => socket.destroy());
    const response = new ServerResponse(request);
    try {
      response.assignSocket(socket);
    } catch {
      // An earlier request of this connection is not answered yet: nobody upgrades in a pipeline.
      socket.destroy();
      return;
    }
    if (!asksForWebSocket(request)) {
      response.detachSocket(socket);
      serveAsOrdinary(server, request, { socket, head });
      return;
    }
    response.shouldKeepAlive = false;
    response.once('finish', () => {
      response.detachSocket(socket);
      socket.destroySoon();
    });
    upgrades.set(request, { socket, head });
    handler(request, response);
  });
}

/**
 * Takes the connection of a request, for good: from now on nothing is answered to it.
 * @throws {AppError} `invalid_request` when the request does not ask for a WebSocket, or in a way that can’t be granted
 */
export function takeUpgrade(request: IncomingMessage, response: ServerResponse): Upgrade {
  const upgrade = upgrades.get(request);
  if (!upgrade) {
    throw new AppError('invalid_request', {
      message: 'This is a WebSocket: it takes a GET with `Upgrade: websocket`.',
      headers: { upgrade: 'websocket' },
    });
  }
  const { 'sec-websocket-key': key, 'sec-websocket-version': version } = request.headers;
  if (version !== WEB_SOCKET_VERSION || !WEB_SOCKET_KEY.test(key ?? '')) {
    throw new AppError('invalid_request', {
      message:
        'This takes WebSockets of version 13 (RFC 6455), with a Sec-WebSocket-Key of 16 bytes.',
      headers: { 'sec-websocket-version': WEB_SOCKET_VERSION },
    });
  }
  upgrades.delete(request);
  response.detachSocket(upgrade.socket);
  return upgrade;
}

function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
}

/**
 * Other protocols are not spoken here, and a server may ignore that it is asked for one (RFC 9110 §7.8): some clients ask
 * for HTTP/2 with each first request, also with a body. Node has stopped reading requests on this connection, so it is
 * given to the server once more, from this request on and without the wish.
 */
function serveAsOrdinary(server: Server, request: IncomingMessage, upgrade: Upgrade): void {
  const { method = '', url = '', rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/1.1`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.toLowerCase() !== 'upgrade') lines.push(`${name}: ${rawHeaders[at + 1]}`);
  }
  const { socket, head } = upgrade;
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}
