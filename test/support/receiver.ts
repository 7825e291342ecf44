import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type ReceivedMessage = {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};
type Answering = (response: ServerResponse, message: ReceivedMessage) => void;

export type Receiver = {
  readonly url: string;
  readonly received: ReceivedMessage[];
  /** How many connections were made to it. */
  connections(): number;
  /** A status, or whatever else is to be done with each message from now on. */
  answer(how: number | Answering): void;
  close(): Promise<void>;
};

/** Somebody’s server on a free loopback port. */
export async function startReceiver(): Promise<Receiver> {
  const received: ReceivedMessage[] = [];
  let connections = 0;
  let answering: Answering = (response) => void response.writeHead(204).end();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (data: Buffer) => chunks.push(data));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const message = { path: request.url ?? '', headers: request.headers, body };
      received.push(message);
      answering(response, message);
    });
  });
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`,
    received,
    connections: () => connections,
    answer: (how) => {
      answering = typeof how === 'number' ? (response) => void response.writeHead(how).end() : how;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
