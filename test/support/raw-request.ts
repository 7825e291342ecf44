import { connect } from 'node:net';

/** A request as it goes over the wire, so that anything in it can be wrong. */
export type RawRequest = {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
};

/** The answer's status and text. */
export type RawAnswer = { readonly status: number; readonly text: string };

/** Sends it on a connection of its own. The length of the body is said truthfully. */
export function sendRaw(origin: string, request: RawRequest): Promise<RawAnswer> {
  const { method, target, headers, body } = request;
  const { hostname, port } = new URL(origin);
  const length = Buffer.byteLength(body);
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(length > 0 ? [`Content-Length: ${length}`] : []),
    'Connection: close',
  ];
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.on('error', reject);
    socket.on('end', () => resolve({ status: Number(text.split(' ')[1]), text }));
    socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  });
}
