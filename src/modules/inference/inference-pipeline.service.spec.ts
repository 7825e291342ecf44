import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { SystemClock } from '#common/time/clock.js';

import { openView } from '../../../test/support/policies.js';
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
  readonly refused: string[] = [];
  assertRecordable(): void {
    // Its keys are not audited.
  }

  enter(): void {
    this.calls++;
  }
  hold(bytes: number): void {
    if (this.bytes + bytes > this.room) throw new AppError('service_unavailable');
    this.bytes += bytes;
  }
  refuse(_caller: unknown, error: AppError): void {
    this.refused.push(error.code);
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

type Parts = { router?: object; allowances?: object; callers?: object };

function serve({ router = {}, allowances = {}, callers = {} }: Parts = {}): void {
  const pipeline = new InferencePipeline(
    admission as unknown as AdmissionService,
    router as RouterService,
    allowances as CallAllowances,
    {} as ExchangeRunner,
    callers as CurrentCaller,
    new SystemClock(),
  );
  const request = {
    id: 'req_1',
    raw: raw as IncomingMessage,
    response: new EventEmitter() as ServerResponse,
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

describe('a call whose key can’t be told to be current, however often it is read', () => {
  it('is refused after it was read twice, and holds nothing', async () => {
    const view = openView();
    let [reads, held] = [0, 0];
    serve({
      router: { route: () => ({}) },
      allowances: {
        take: () => Promise.resolve({ release: () => held-- }).finally(() => held++),
      },
      callers: { of: () => Promise.resolve({ ...view, read: ++reads }) },
    });
    raw.emit('data', Buffer.from('{"model":"m","messages":[{"role":"user","content":"Hello"}]}'));
    raw.emit('end');
    await vi.waitFor(() => expect(outcomes).toEqual(['service_unavailable']));
    expect([admission.calls, held]).toEqual([0, 0]);
    // One when its body was there, one after each time that it waited.
    expect(reads).toBe(3);
  });
});
