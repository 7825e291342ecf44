import type { IncomingMessage } from 'node:http';

import { rawValues, type SentSignature } from './signature-headers.js';
import { signatureInvalid } from './signature-invalid.js';

/** What is asked of the request’s own parts besides its header fields (RFC 9421 §2.2). */
const DERIVED: Readonly<Record<string, (request: IncomingMessage, isHttps: boolean) => string>> = {
  '@method': ({ method }) => method ?? '',
  '@authority': authority,
  '@path': (request) => splitTarget(request).path,
  '@query': (request) => splitTarget(request).query,
};
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/**
 * The text that is signed (RFC 9421 §2.5), of the request as it was sent: nothing is decoded or put in order.
 * @param isHttps the scheme, whose default port is not named
 * @throws {AppError} `signature_invalid` for a component that is not there, or that nobody here knows
 */
export function signatureBase(
  request: IncomingMessage,
  isHttps: boolean,
  { components, paramsText }: Pick<SentSignature, 'components' | 'paramsText'>,
): string {
  const lines = [...components].map(
    (name) => `"${name}": ${componentValue(request, isHttps, name)}`,
  );
  return [...lines, `"@signature-params": ${paramsText}`].join('\n');
}

function componentValue(request: IncomingMessage, isHttps: boolean, name: string): string {
  const derive = Object.hasOwn(DERIVED, name) ? DERIVED[name] : undefined;
  if (derive) return derive(request, isHttps);
  if (!FIELD_NAME.test(name))
    throw signatureInvalid('Signature-Input', `covers ${name}, which is not supported`);
  const values = rawValues(request, name);
  if (values.length === 0)
    throw signatureInvalid('Signature-Input', `covers ${name}, which was not sent`);
  // Node has taken the white space around each off already.
  return values.join(', ');
}

function authority(request: IncomingMessage, isHttps: boolean): string {
  const hosts = rawValues(request, 'host');
  if (hosts.length !== 1) throw signatureInvalid('Host', 'must be sent once');
  const host = (hosts[0] as string).toLowerCase();
  const defaultPort = isHttps ? ':443' : ':80';
  return host.endsWith(defaultPort) ? host.slice(0, -defaultPort.length) : host;
}

function splitTarget({ url = '' }: IncomingMessage): { path: string; query: string } {
  // A whole URL would name the authority once more.
  if (!url.startsWith('/')) throw signatureInvalid('The request’s target', 'must be a path');
  const mark = url.indexOf('?');
  if (mark === -1) return { path: url, query: '?' };
  return { path: url.slice(0, mark), query: url.slice(mark) };
}
