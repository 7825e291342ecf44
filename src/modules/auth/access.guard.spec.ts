import type { ExecutionContext } from '@nestjs/common';
import { describe, expect, it } from 'vitest';

import { AppError } from '#common/errors/app-error.js';
import { SystemClock } from '#common/time/clock.js';
import type { EndpointMetadata } from '#platform/http/endpoint.decorator.js';

import type { AccessControl } from './access-control.js';
import { AccessGuard } from './access.guard.js';
import { AppPassport } from './app-passport.js';
import { BearerKeyStrategy } from './bearer-key.strategy.js';
import type { SessionDirectory } from './sessions/session-directory.service.js';
import { SessionStrategy } from './sessions/session.strategy.js';
import type { SessionUses } from './sessions/session-uses.service.js';
import { TicketStrategy } from './tickets/ticket.strategy.js';
import type { Tickets } from './tickets/tickets.store.js';

const PRINCIPAL = { keyId: 'key_1' };

function guarded(endpoint: EndpointMetadata | undefined, admit: () => unknown) {
  const request = { raw: { headers: {} }, principal: null, routeOptions: { config: { endpoint } } };
  const context = {
    switchToHttp: () => ({ getRequest: () => request, getResponse: () => ({ raw: {} }) }),
  };
  const passport = new AppPassport();
  const access = { admit } as unknown as AccessControl;
  new TicketStrategy(passport, access, {} as Tickets);
  const [sessions, uses] = [{} as SessionDirectory, {} as SessionUses];
  new SessionStrategy(passport, access, sessions, uses, new SystemClock());
  new BearerKeyStrategy(passport, access);
  const guard = new AccessGuard(passport);
  return { request, outcome: guard.canActivate(context as unknown as ExecutionContext) };
}

function mustNotBeAsked(): never {
  throw new Error('Access control was asked.');
}

describe('AccessGuard', () => {
  it('refuses a route that does not say what it needs', async () => {
    const { outcome } = guarded(undefined, mustNotBeAsked);
    await expect(outcome).rejects.toMatchObject({ code: 'not_found' });
  });

  it('asks nobody on a public route', async () => {
    const { request, outcome } = guarded({ scope: 'public' }, mustNotBeAsked);
    expect(await outcome).toBe(true);
    expect(request.principal).toBeNull();
  });

  it.each([PRINCIPAL, Promise.resolve(PRINCIPAL)])(
    'tells the route who calls',
    async (admitted) => {
      const { request, outcome } = guarded({ scope: 'keys:read' }, () => admitted);
      expect(await outcome).toBe(true);
      expect(request.principal).toBe(PRINCIPAL);
    },
  );

  it.each([
    [
      'at once',
      (error: Error) => {
        throw error;
      },
    ],
    ['later', (error: Error) => Promise.reject(error)],
  ])('passes a refusal on, %s', async (_, refuse) => {
    const { outcome } = guarded({ scope: 'authenticated' }, () =>
      refuse(new AppError('key_disabled')),
    );
    await expect(outcome).rejects.toMatchObject({ code: 'key_disabled' });
  });
});
