// @ts-check
import { Buffer } from 'node:buffer';

import { USER_AGENT } from './restricted-policy.mjs';

/** The bytes of one call of the proxy. @param {{ port: number, authorization: string, body: string }} call `body`: JSON */
export function chatRequest({ port, authorization, body }) {
  const head = [
    'POST /v1/chat/completions HTTP/1.1',
    `host: 127.0.0.1:${port}`,
    `authorization: ${authorization}`,
    'content-type: application/json',
    'accept: application/json, text/event-stream',
    `user-agent: ${USER_AGENT}`,
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}
