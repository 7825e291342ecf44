import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { Socket } from 'node:net';

/** How long calls in flight may go on once the server closes; what is left of them is cut. */
const DRAIN_MS = 25_000;
const SWEEP_MS = 50;

/**
 * Says when the application begins to close. Nest tells its adapter first of all; the shutdown hooks, which wait for
 * running jobs while the server still listens, and Fastify's own `preClose` come later.
 */
export class DrainingAdapter extends FastifyAdapter {
  readonly #closing = new AbortController();

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  override beforeClose(): void {
    super.beforeClose();
    this.#closing.abort();
  }
}

/**
 * Puts a bound on closing. By itself Node waits for every connection that is busy at that moment, until its client
 * leaves: also once its answer is sent, and also for one on which nothing was ever sent (a browser's or a proxy's spare
 * one). While it closes it enforces no time limit on requests any more.
 */
export function boundDrain(fastify: FastifyInstance, drainMs = DRAIN_MS): void {
  const { server } = fastify;
  const sockets = new Set<Socket>();
  const timers: NodeJS.Timeout[] = [];
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  fastify.addHook('preClose', (done) => {
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    timers.push(
      setInterval(() => server.closeIdleConnections(), SWEEP_MS),
      setTimeout(() => server.closeAllConnections(), drainMs),
    );
    done();
  });
  fastify.addHook('onClose', (_instance, done) => {
    timers.forEach(clearTimeout);
    done();
  });
}
