import { Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';

import { AppError } from '#common/errors/app-error.js';
import { FailedAttempts, RequestClients } from '#modules/auth/index.js';
import { MANAGEMENT_BODY_LIMIT, readBody } from '#platform/http/body.js';

import { isSignedBy } from './domain/public-key-set.js';
import { LeakPublicKeys } from './leak-public-keys.js';

/** Lower-case names of the headers that a signature stands in. */
export type SignatureHeaders = { readonly identifier: string; readonly signature: string };

/**
 * The body of a request that is believed for its signature instead of a key. The signature is over the raw bytes, and
 * nothing is parsed or looked up before it is checked. There is no protection against replays, as GitHub's protocol has
 * none, and none is needed: a report that comes again finds the keys out of use and changes nothing.
 */
@Injectable()
export class SignedBody {
  constructor(
    private readonly publicKeys: LeakPublicKeys,
    private readonly failedAttempts: FailedAttempts,
    private readonly clients: RequestClients,
  ) {}

  /**
   * @throws {AppError} `service_unavailable` where nobody's reports are believed; `signature_invalid`, or
   * `rate_limit_exceeded` after too many of those from one address; `request_too_large`
   */
  async read(request: IncomingMessage, headers: SignatureHeaders): Promise<Buffer> {
    if (!this.publicKeys.isConfigured) {
      // Counted too: each of these is a line in the log, and anybody can send them.
      await this.#countFailure(request);
      throw new AppError('service_unavailable', {
        message:
          'Reports of leaked keys are not set up here: LATCHKEY_LEAK_PUBLIC_KEYS is not set.',
      });
    }
    const identifier = headerOf(request, headers.identifier);
    const signature = headerOf(request, headers.signature);
    const key = await this.publicKeys.find(identifier);
    const body = key && (await readBody(request, MANAGEMENT_BODY_LIMIT));
    if (!body || !isSignedBy(key, body, signature)) {
      await this.#countFailure(request);
      throw new AppError('signature_invalid');
    }
    return body;
  }

  #countFailure(request: IncomingMessage): Promise<void> {
    return this.failedAttempts.count(this.clients.addressOf(request));
  }
}

/** Node joins a custom header that is sent twice with a comma, which no identifier or signature matches. */
function headerOf({ headers }: IncomingMessage, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}
