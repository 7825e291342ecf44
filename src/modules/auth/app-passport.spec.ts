import { Test, type TestingModule } from '@nestjs/testing';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import passport from 'passport';
import { afterEach, describe, expect, it } from 'vitest';

import { AppError } from '#common/errors/app-error.js';
import { Clock, SystemClock } from '#common/time/clock.js';
import type { EndpointMetadata } from '#platform/http/endpoint.decorator.js';

import { AccessControl } from './access-control.js';
import { AppPassport } from './app-passport.js';
import { BearerKeyStrategy } from './bearer-key.strategy.js';
import { SessionDirectory } from './sessions/session-directory.service.js';
import { SessionStrategy } from './sessions/session.strategy.js';
import { SessionUses } from './sessions/session-uses.service.js';
import { TicketStrategy } from './tickets/ticket.strategy.js';
import { Tickets } from './tickets/tickets.store.js';

type Admit = (
  raw: IncomingMessage,
  response: ServerResponse,
  endpoint: EndpointMetadata,
) => unknown;

const ENDPOINT: EndpointMetadata = { scope: 'keys:read' };
const RESPONSE = {} as ServerResponse;

const modules: TestingModule[] = [];
afterEach(() => Promise.all(modules.splice(0).map((module) => module.close())));

async function applicationWith(admit: Admit): Promise<AppPassport> {
  const module = await Test.createTestingModule({
    providers: [
      AppPassport,
      TicketStrategy,
      SessionStrategy,
      BearerKeyStrategy,
      { provide: SessionDirectory, useValue: {} },
      { provide: SessionUses, useValue: {} },
      { provide: Clock, useClass: SystemClock },
      { provide: AccessControl, useValue: { admit } },
      { provide: Tickets, useValue: {} },
    ],
  }).compile();
  modules.push(module);
  return module.get(AppPassport);
}

function requestOf(keyId: string): IncomingMessage {
  return { headers: { authorization: `Bearer ${keyId}` } } as unknown as IncomingMessage;
}

const keyOf = ({ headers }: IncomingMessage): string => headers.authorization?.slice(7) ?? '';

describe('AppPassport', () => {
  it('knows the callers of its own application alone, where a process has two', async () => {
    const first = await applicationWith(() => ({ keyId: 'of the first' }));
    const second = await applicationWith(() => {
      throw new AppError('invalid_api_key');
    });
    await expect(first.admit(requestOf('x'), RESPONSE, ENDPOINT)).resolves.toEqual({
      keyId: 'of the first',
    });
    await expect(second.admit(requestOf('x'), RESPONSE, ENDPOINT)).rejects.toMatchObject({
      code: 'invalid_api_key',
    });
  });

  it('leaves nothing in the passport of the whole process', async () => {
    await applicationWith(() => ({ keyId: 'key_1' }));
    const outcome = new Promise((resolve) => {
      passport.authenticate(['bearer'], { session: false }, resolve)({}, null, resolve);
    });
    expect(await outcome).toMatchObject({
      message: 'Unknown authentication strategy "bearer"',
    });
  });

  it('gives each of many callers at once their own answer', async () => {
    const app = await applicationWith(async (raw) => {
      const keyId = keyOf(raw);
      await sleep(20 - Number(keyId));
      if (Number(keyId) % 3 === 0) throw new AppError('key_disabled', { details: { keyId } });
      return { keyId };
    });
    const said = Array.from({ length: 20 }, (_, number) =>
      app
        .admit(requestOf(`${number}`), RESPONSE, ENDPOINT)
        .catch((error: unknown) => error as AppError),
    );
    const keyIds = (await Promise.all(said)).map((one) =>
      one instanceof AppError ? one.details?.keyId : one.keyId,
    );
    expect(keyIds).toEqual(Array.from({ length: 20 }, (_, number) => `${number}`));
  });

  it('hands on the very error with which a caller is refused', async () => {
    const refusal = new AppError('insufficient_scope', {
      headers: { 'www-authenticate': 'Bearer scope="keys:read"' },
    });
    const app = await applicationWith(() => Promise.reject(refusal));
    await expect(app.admit(requestOf('x'), RESPONSE, ENDPOINT)).rejects.toBe(refusal);
  });

  it('shows the strategy the request and the endpoint themselves, and leaves them as they were', async () => {
    const seen: unknown[] = [];
    const app = await applicationWith((raw, _, endpoint) => {
      seen.push(raw, endpoint);
      return { keyId: 'key_1' };
    });
    const request = Object.freeze(requestOf('x'));
    await app.admit(request, RESPONSE, Object.freeze({ ...ENDPOINT }));
    expect(seen[0]).toBe(request);
    expect(seen[1]).toEqual(ENDPOINT);
  });

  it.each([
    ['no strategy has found a credential', () => null],
    ['a strategy says nothing', () => undefined],
  ])('lets nobody in when %s', async (_, admit) => {
    const app = await applicationWith(admit);
    await expect(app.admit(requestOf('x'), RESPONSE, ENDPOINT)).rejects.toMatchObject({
      code: 'missing_api_key',
    });
  });

  it('lets nobody in when the strategy is not there', async () => {
    await expect(new AppPassport().admit(requestOf('x'), RESPONSE, ENDPOINT)).rejects.toThrow(
      'Unknown authentication strategy',
    );
  });
});
