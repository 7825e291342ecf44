import type { Socket } from 'node:net';

import { newRequestId } from '#common/ids/request-id.js';
import { AppError } from '#common/errors/app-error.js';

import { renderError } from './error-envelopes.js';

const REASONS: Readonly<Record<string, readonly [statusLine: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'The request’s headers are larger than 16 KiB.',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request took too long to arrive.'],
};

/**
 * Answers what is not even an HTTP request, in the same envelope as everything else: Node gives only the socket, since
 * there is no request yet. The connection is closed, because what follows on it can't be told apart any more.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [statusLine, message] = REASONS[error.code ?? ''] ?? [
    '400 Bad Request',
    'This is not a valid HTTP request.',
  ];
  const code = error.code === 'HPE_HEADER_OVERFLOW' ? 'request_too_large' : 'invalid_request';
  const requestId = newRequestId(Date.now());
  const { contentType, body } = renderError(new AppError(code, { message }), requestId, '/');
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${statusLine}\r\ncontent-type: ${contentType}\r\nx-request-id: ${requestId}\r\n` +
      `content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  );
}
