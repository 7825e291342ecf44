import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A wire that can be cut, in front of a server that can't be stopped. */
export type TcpProxy = Readonly<{
  /** `url` with this proxy's address in place of the server's. */
  url: string;
  /** Every connection breaks and no new one is taken. */
  refuse: () => void;
  /** Connections stay open, and new ones are taken, but nothing passes any more. */
  swallow: () => void;
  /** What the server sends passes so many milliseconds late. */
  slow: (ms: number) => void;
  /** Bytes pass again on new connections; those that were swallowed are broken. */
  restore: () => void;
  stop: () => Promise<void>;
}>;

export async function startTcpProxy(url: string): Promise<TcpProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let delayMs = 0;
  let mode: 'pass' | 'refuse' | 'swallow' = 'pass';
  const breakAll = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((client) => {
    if (mode === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    keep(client);
    const upstream = keep(connect(Number(target.port), target.hostname));
    const pass = (from: Socket, to: Socket): void => {
      from.on('data', (chunk) => {
        if (mode !== 'pass') return;
        if (from === client || delayMs === 0) to.write(chunk);
        else setTimeout(() => to.write(chunk), delayMs);
      });
      from.on('close', () => mode === 'pass' && to.destroy());
    };
    pass(client, upstream);
    pass(upstream, client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port was given.');
  const proxied = new URL(url);
  proxied.host = `127.0.0.1:${address.port}`;
  return {
    url: proxied.href,
    refuse: () => {
      mode = 'refuse';
      breakAll();
    },
    swallow: () => {
      mode = 'swallow';
    },
    slow: (ms) => {
      delayMs = ms;
    },
    restore: () => {
      breakAll();
      delayMs = 0;
      mode = 'pass';
    },
    stop: async () => {
      server.close();
      breakAll();
      await once(server, 'close');
    },
  };
}
