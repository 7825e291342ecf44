// @ts-check
/**
 * What the stub, the bare proxy and the load generator share: each is a process of its own that speaks
 * with the bench over Node's IPC channel, and ends with it.
 */

/** @typedef {{ userMicros: number, systemMicros: number }} CpuAnswer */

/**
 * Serves the bench's orders. `cpu` is answered here: the CPU time of the process, for systems without `/proc`.
 * The process ends when the channel closes, so a killed bench leaves no orphan.
 *
 * @param {Record<string, (argument: any) => unknown>} handlers name of an order → its work
 */
export function serveOrders(handlers) {
  const all = {
    cpu: () => {
      const { user, system } = process.cpuUsage();
      return { userMicros: user, systemMicros: system };
    },
    ...handlers,
  };
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C reaches the whole foreground group; the bench decides about the order of ending.
  process.on('SIGINT', () => undefined);
  process.on(
    'message',
    (/** @type {{ id: number, order: string, argument: unknown }} */ message) => {
      void answer(all, message);
    },
  );
}

/**
 * @param {Record<string, (argument: any) => unknown>} handlers
 * @param {{ id: number, order: string, argument: unknown }} message
 */
async function answer(handlers, { id, order, argument }) {
  try {
    const handler = handlers[order];
    if (handler === undefined) throw new Error(`unknown order ${order}`);
    process.send?.({ id, value: await handler(argument) });
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? error.message : String(error) });
  }
}

/**
 * Listens on a free loopback port.
 *
 * @param {import('node:net').Server} server
 * @returns {Promise<number>} the port
 */
export function listen(server) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', 1024, () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('no port'));
      else resolve(address.port);
    });
  });
}
