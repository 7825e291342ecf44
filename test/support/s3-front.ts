/** Stands before the server of `s3.ts`: it fails when it is told to, and knows what that one does not: unfinished uploads, `If-None-Match`. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { type S3Server, startS3 } from './s3.js';

const UPLOAD_ID = /<UploadId>([^<]+)<\/UploadId>/;

/** What becomes of a request; `close`: the connection is cut once half of it was read. */
export type Fate = 'pass' | 'fail' | 'close' | 'stall';

export type S3Front = S3Server & {
  /** Asked of each request. */
  fateOf: (method: string, path: string) => Fate;
  /** Uploads that are neither completed nor aborted: the key of each by its id. */
  readonly uploads: ReadonlyMap<string, string>;
};

export async function startS3Front(): Promise<S3Front> {
  const s3 = await startS3();
  const target = new URL(s3.env.LATCHKEY_S3_ENDPOINT ?? '');
  const uploads = new Map<string, string>();
  const written = new Set<string>();
  const answer = (incoming: IncomingMessage, response: ServerResponse): void => {
    const { pathname, searchParams } = new URL(incoming.url ?? '/', target);
    const key = pathname.split('/').slice(2).join('/');
    const uploadId = searchParams.get('uploadId');
    const send = (status: number, body = ''): void => {
      incoming.resume().once('end', () => response.writeHead(status).end(body));
    };
    if (incoming.method === 'GET' && searchParams.has('uploads')) {
      send(200, listOf(uploads));
    } else if (incoming.method === 'DELETE' && uploadId !== null) {
      send(uploads.delete(uploadId) ? 204 : 404);
    } else if (incoming.headers['if-none-match'] === '*' && written.has(key)) {
      send(412);
    } else {
      if (incoming.method === 'PUT' && uploadId === null) written.add(key);
      forward(target, incoming, response, (text) => {
        const begun = searchParams.has('uploads') ? UPLOAD_ID.exec(text)?.[1] : undefined;
        if (begun !== undefined) uploads.set(begun, key);
        else if (incoming.method === 'POST' && uploadId !== null) uploads.delete(uploadId);
      });
    }
  };
  const server = createServer((incoming, response) => {
    const fate = front.fateOf(incoming.method ?? '', incoming.url ?? '');
    if (fate === 'fail') incoming.resume().once('end', () => response.writeHead(500).end());
    else if (fate === 'close') incoming.once('data', () => incoming.socket.destroy());
    else if (fate === 'pass') answer(incoming, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const front: S3Front = {
    env: { ...s3.env, LATCHKEY_S3_ENDPOINT: `http://127.0.0.1:${port}` },
    files: () => s3.files(),
    fateOf: () => 'pass',
    uploads,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await s3.close();
    },
  };
  return front;
}

function forward(
  target: URL,
  incoming: IncomingMessage,
  response: ServerResponse,
  onText: (text: string) => void,
): void {
  const { method, url, headers } = incoming;
  const outgoing = request(
    { host: target.hostname, port: target.port, method, path: url, headers },
    (answered) => {
      const chunks: Buffer[] = [];
      answered.on('data', (chunk: Buffer) => chunks.push(chunk));
      answered.once('end', () => {
        const body = Buffer.concat(chunks);
        onText(body.toString('utf8'));
        response.writeHead(answered.statusCode ?? 502, answered.headers).end(body);
      });
    },
  );
  outgoing.once('error', () => response.destroy());
  incoming.pipe(outgoing);
}

function listOf(uploads: ReadonlyMap<string, string>): string {
  const each = [...uploads].map(
    ([id, key]) => `<Upload><Key>${key}</Key><UploadId>${id}</UploadId></Upload>`,
  );
  return `<ListMultipartUploadsResult>${each.join('')}</ListMultipartUploadsResult>`;
}
