import { Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { pathOf } from '#platform/http/request-context.js';

import { AccessControl } from '../access-control.js';
import { type AccessAttempt, AppPassport } from '../app-passport.js';
import { CredentialStrategy } from '../credential.strategy.js';
import { Tickets } from './tickets.store.js';

/** A ticket in the query, on the routes that take one. The key it was issued to is held to all that it is held to elsewhere. */
@Injectable()
export class TicketStrategy extends CredentialStrategy {
  constructor(
    passport: AppPassport,
    private readonly access: AccessControl,
    private readonly tickets: Tickets,
  ) {
    super(passport, 'ticket');
  }

  override validate({
    raw,
    response,
    endpoint,
  }: AccessAttempt): Principal | null | Promise<Principal> {
    if (endpoint.takesTickets !== true) return null;
    const tickets = ticketsOf(raw);
    if (tickets.length === 0) return null;
    if (tickets.length > 1 || raw.headers.authorization !== undefined) {
      throw new AppError('invalid_request', {
        message: 'Send one ticket or an Authorization header, not both.',
        param: 'ticket',
      });
    }
    const [ticket = ''] = tickets;
    return this.tickets
      .redeem(ticket, pathOf(raw.url ?? ''))
      .then((view) => this.access.admitHolder(raw, response, endpoint, view));
  }
}

function ticketsOf({ url = '' }: IncomingMessage): string[] {
  return new URLSearchParams(url.slice(pathOf(url).length)).getAll('ticket');
}
