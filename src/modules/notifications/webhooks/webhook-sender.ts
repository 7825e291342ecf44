import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Agent, buildConnector } from 'undici';

import { toError } from '#common/errors/to-error.js';
import { Clock } from '#common/time/clock.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { guardedConnector } from '#platform/http/outbound/guarded-connector.js';

import type { SendOutcome } from '../outgoing-message.js';
import { WebhookSecrets } from '../webhook-secrets.js';
import { parseRetryAfter } from './retry-after.js';
import { signWebhook } from './webhook-signature.js';

/** From the first packet to the answer's status. Standard Webhooks 1.0.0 asks for 15 to 30 s. */
const TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Nobody reads what receivers answer; up to this it is read away, so that the connection can be used again. */
const MAX_ANSWER_BYTES = 4 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;
const KEEP_ALIVE_MS = 5_000;
const USER_AGENT = 'Latchkey-Webhooks';
const [TOO_MANY_REQUESTS, SERVICE_UNAVAILABLE] = [429, 503];
const GONE = 410;

/** A webhook, with what it is signed with. */
export type WebhookTarget = {
  readonly id: string;
  readonly address: string;
  readonly sealedSecret: Buffer | null;
  readonly sealedOldSecret: Buffer | null;
  readonly oldSecretExpiresAt: Date | null;
};

export type WebhookMessage = {
  readonly id: string;
  readonly type: string;
  readonly occurredAt: Date;
  readonly data: Readonly<Record<string, unknown>>;
};

/**
 * Sends signed messages as Standard Webhooks 1.0.0 has it. Redirects are not followed and proxy variables not read; unless
 * the operator allows it, nothing is sent to where the public internet is not.
 */
@Injectable()
export class WebhookSender implements OnApplicationShutdown {
  readonly #agent: Agent;

  constructor(
    private readonly secrets: WebhookSecrets,
    private readonly clock: Clock,
    @Inject(CONFIG) { allowPrivateTargets }: Config,
  ) {
    this.#agent = new Agent({
      connect: allowPrivateTargets
        ? buildConnector({ timeout: CONNECT_TIMEOUT_MS })
        : guardedConnector(CONNECT_TIMEOUT_MS),
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
  }

  /** Never rejects because of the receiver. */
  async send(target: WebhookTarget, message: WebhookMessage): Promise<SendOutcome> {
    const { origin, pathname, search } = new URL(target.address);
    const body = JSON.stringify({
      type: message.type,
      timestamp: message.occurredAt.toISOString(),
      data: message.data,
    });
    const headers = this.#headersOf(target, message.id, body);
    try {
      const answer = await this.#agent.request({
        origin,
        path: pathname + search,
        method: 'POST',
        headers,
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      // Its status is all that counts: what comes of the rest changes nothing.
      answer.body.dump({ limit: MAX_ANSWER_BYTES }).catch(() => undefined);
      return outcomeOf(answer.statusCode, answer.headers['retry-after'], this.clock.now());
    } catch (error) {
      return failure({ error: nameOf(error) });
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#agent.destroy();
  }

  #headersOf(target: WebhookTarget, id: string, body: string): Record<string, string> {
    const timestamp = Math.floor(this.clock.now() / 1_000);
    const sealed = [
      target.sealedSecret,
      this.#isOldOneGood(target) ? target.sealedOldSecret : null,
    ];
    const secrets = sealed
      .filter((secret) => secret !== null)
      .map((secret) => this.secrets.open(target.id, secret));
    return {
      'content-type': 'application/json',
      'user-agent': USER_AGENT,
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signWebhook(secrets, { id, timestamp, body }),
    };
  }

  #isOldOneGood({ oldSecretExpiresAt }: WebhookTarget): boolean {
    return oldSecretExpiresAt !== null && oldSecretExpiresAt.getTime() > this.clock.now();
  }
}

function outcomeOf(
  status: number,
  retryAfter: string | string[] | undefined,
  now: number,
): SendOutcome {
  if (status >= 200 && status < 300) return { isSent: true, status };
  const asksToWait = status === TOO_MANY_REQUESTS || status === SERVICE_UNAVAILABLE;
  return failure({
    status,
    error: `answered ${status}`,
    retryAfterMs: asksToWait ? parseRetryAfter(retryAfter, now) : null,
    isFinal: status === GONE,
  });
}

function failure(facts: { error: string } & Partial<SendOutcome & { isSent: false }>): SendOutcome {
  return { status: null, retryAfterMs: null, isFinal: false, ...facts, isSent: false };
}

/** What the operator of the receiver can use: the kind of failure, no text that came over the network. */
function nameOf(thrown: unknown): string {
  const error = toError(thrown) as Error & { code?: string };
  if (error.name === 'TimeoutError') return 'no answer within 15 s';
  return error.code ?? error.name;
}
