import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { Clock } from '#common/time/clock.js';

import { RequestClients } from '../request-client.js';
import { endedSessionCookie, sessionCookie } from '../sessions/session-cookie.js';
import type { IssuedSession } from '../sessions/session-issuer.port.js';

/** Where somebody is who wants a session. */
export type Client = { readonly address: string; readonly agent: string | undefined };

/** What browsers are told of sessions, and what is known of them. */
@Injectable()
export class Browsers {
  constructor(
    private readonly clients: RequestClients,
    private readonly clock: Clock,
  ) {}

  clientOf({ raw }: FastifyRequest): Client {
    return { address: this.clients.addressOf(raw), agent: raw.headers['user-agent'] };
  }

  giveCookie(reply: FastifyReply, { token, expiresAt }: IssuedSession): void {
    const seconds = Math.round((expiresAt.getTime() - this.clock.now()) / 1_000);
    const isHttps = this.clients.isHttps(reply.request.raw);
    void reply.header('set-cookie', sessionCookie(token, seconds, isHttps));
  }

  takeCookie(reply: FastifyReply): void {
    const isHttps = this.clients.isHttps(reply.request.raw);
    void reply.header('set-cookie', endedSessionCookie(isHttps));
  }
}
