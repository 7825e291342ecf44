import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

import { Clock } from '#common/time/clock.js';
import { within } from '#common/time/within.js';
import { type Logger, LOGGER } from '#platform/observability/logger.js';
import { scrubSecrets } from '#platform/observability/secret-patterns.js';

import { KeySecretRepository, type SecretUse } from './key-secret.repository.js';

const INTERVAL_MS = 60_000;
/** Secrets between two writes. Of more the use is not noted, until they are used after the next. */
const MAX_PENDING = 50_000;
/** Characters. */
const MAX_AGENT_LENGTH = 256;
const SHUTDOWN_MS = 5_000;
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** Of what a request has anyway, so that noting it makes nothing new. */
type LastUse = {
  atMs: number;
  address: string;
  agent: string | undefined;
  /** What the address follows from. */
  socket: Socket;
  forwardedFor: string | string[] | undefined;
};

/**
 * Remembers who used each secret last, so that one sees who still uses an old one. In memory, and written down once a
 * minute; what is not written when the process is killed is lost.
 */
@Injectable()
export class SecretUses implements OnApplicationShutdown {
  #pending = new Map<string, LastUse>();
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly secrets: KeySecretRepository,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * For each request that is let in.
   * @param addressOf finds out a client's address; asked where the connection, or what its proxy says, is another
   */
  note(
    secretId: string,
    request: IncomingMessage,
    addressOf: (request: IncomingMessage) => string,
  ): void {
    const { headers, socket } = request;
    const forwardedFor = headers['x-forwarded-for'];
    const atMs = this.clock.now();
    const known = this.#pending.get(secretId);
    if (known === undefined) {
      const address = addressOf(request);
      this.#add(secretId, { atMs, address, agent: headers['user-agent'], socket, forwardedFor });
      return;
    }
    if (known.socket !== socket || known.forwardedFor !== forwardedFor) {
      known.address = addressOf(request);
      known.socket = socket;
      known.forwardedFor = forwardedFor;
    }
    known.agent = headers['user-agent'];
    known.atMs = atMs;
  }

  /** Never rejects: what can't be stored now is tried again. */
  async flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#pending.size === 0) return;
    const pending = this.#pending;
    this.#pending = new Map();
    try {
      await this.secrets.noteUsesAcrossTenants([...pending].map(viewUse));
    } catch (error) {
      this.logger.warn({ err: error }, 'the last uses of secrets can’t be stored: tried again');
      for (const [secretId, use] of pending) {
        if (!this.#pending.has(secretId)) this.#add(secretId, use);
      }
    }
  }

  async onApplicationShutdown(): Promise<void> {
    try {
      await within(SHUTDOWN_MS, this.flush(), 'PostgreSQL does not take the last uses.');
    } catch (error) {
      this.logger.warn({ err: error }, 'the last uses of secrets were not stored in time');
    }
    if (this.#timer) clearTimeout(this.#timer);
  }

  #add(secretId: string, use: LastUse): void {
    if (this.#pending.size >= MAX_PENDING) return;
    this.#pending.set(secretId, use);
    this.#timer ??= setTimeout(() => void this.flush(), INTERVAL_MS).unref();
  }
}

/** Some put a key where it does not belong, so what a client calls itself is cleaned before it is cut. */
function viewUse([secretId, { atMs, address, agent }]: [string, LastUse]): SecretUse {
  const name = scrubSecrets(agent ?? '').replaceAll(CONTROL_CHARACTERS, '');
  return {
    secretId,
    at: new Date(atMs),
    address: address === '' ? null : address,
    agent: name === '' ? null : name.slice(0, MAX_AGENT_LENGTH),
  };
}
