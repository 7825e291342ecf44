import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { beforeEach, describe, expect, it } from 'vitest';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { SystemClock } from '#common/time/clock.js';

import type { AdmissionService } from './admission.service.js';
import type { CurrentCaller } from './current-caller.js';
import type { ExchangeRunner } from './exchange-runner.service.js';
import { InferencePipeline } from './inference-pipeline.service.js';
import type { CallAllowances } from './limits/call-allowances.service.js';
import type { RouterService } from './router.service.js';
import { CHAT_COMPLETIONS } from './surface.js';

/** What was taken, less what was given back. */
class FakeAdmission {
  calls = 0;
  bytes = 0;
  room = Infinity;
  enter(): void {
    this.calls++;
  }
  hold(bytes: number): void {
    if (this.bytes + bytes > this.room) throw new AppError('service_unavailable');
    this.bytes += bytes;
  }
  leave(bytes: number): void {
    this.calls--;
    this.bytes -= bytes;
  }
}

let admission: FakeAdmission;
let raw: EventEmitter;
let outcomes: (string | null)[];
beforeEach(() => {
  admission = new FakeAdmission();
  raw = Object.assign(new EventEmitter(), { headers: {}, pause: () => undefined });
  outcomes = [];
});

function serve(): void {
  const pipeline = new InferencePipeline(
    admission as unknown as AdmissionService,
    {} as RouterService,
    {} as CallAllowances,
    {} as ExchangeRunner,
    {} as CurrentCaller,
    new SystemClock(),
  );
  const request = {
    id: 'req_1',
    raw: raw as IncomingMessage,
    response: {} as ServerResponse,
    principal: {} as Principal,
  };
  pipeline.serve(CHAT_COMPLETIONS, request, (error) => {
    outcomes.push(error === null ? null : (error as AppError).code);
  });
}

describe('the place of a call and the room of its body', () => {
  it.each([
    ['a body that is refused', () => raw.emit('end'), 'invalid_json'],
    ['a client that goes away', () => raw.emit('error', new Error('reset')), 'invalid_request'],
    [
      'a body that there is no room for',
      () => raw.emit('data', Buffer.alloc(60)),
      'service_unavailable',
    ],
  ])('are given back, once, after %s', (_, happens, code) => {
    admission.room = 100;
    serve();
    raw.emit('data', Buffer.alloc(50));
    expect([admission.calls, admission.bytes]).toEqual([1, 50]);
    happens();
    raw.emit('data', Buffer.alloc(10));
    raw.emit('end');
    raw.emit('error', new Error('late'));
    expect([admission.calls, admission.bytes]).toEqual([0, 0]);
    expect(outcomes).toEqual([code]);
  });
});
