/** What credit lets calls do: the refusal of who has none, and what is left after calls that were paid. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import {
  answerJson,
  answerStream,
  chunk,
  completion,
  DONE,
  event,
} from '../../support/fake-upstream.js';
import { CHAT, MESSAGES, type Stage, startStage } from '../inference/inference.harness.js';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({ LATCHKEY_SIGNUP_CREDIT: '0' });
});
beforeEach(() => stage.upstream.behave(answering(100)));
afterEach(() => stage.expectAlive());
afterAll(() => stage.close());

/** Input costs 0.15 and output 0.6 USD for a million tokens. */
function answering(output: number) {
  const usage = { prompt_tokens: 10, completion_tokens: output, total_tokens: 10 + output };
  return answerJson(200, { ...completion('Hello'), usage });
}

async function grant(amount: string): Promise<number> {
  const body = { amount, reason: 'A test' };
  const granted = await stage.app.call('POST', '/v1/credits/grants', { body });
  expect(granted.status, JSON.stringify(granted.body)).toBe(201);
  return (granted.body as { balance: number }).balance;
}

async function balance(): Promise<number> {
  const { body } = await stage.app.call('GET', '/v1/credits');
  return (body as { balance: { credits: number } }).balance.credits;
}

/** Calls are charged a moment after they have ended. */
async function expectBalance(expected: number): Promise<void> {
  const check = async () => expect(await balance()).toBeCloseTo(expected, 9);
  await vi.waitFor(check, { timeout: 20_000, interval: 100 });
}

describe('without credit', () => {
  it('a call that costs something is refused with the body that the contract has, word for word', async () => {
    const { status, body } = await stage.chat({ max_tokens: 10 });
    expect(status).toBe(402);
    expect(body).toEqual({
      error: {
        message: 'Insufficient credits. Please add credits to continue.',
        type: 'payment_required',
        code: 'insufficient_credits',
        param: null,
        request_id: expect.any(String) as string,
      },
    });
  });

  it('calls that cost nothing are served', async () => {
    const key = stage.key;
    const body = { model: 'sandbox/echo', messages: MESSAGES };
    expect((await stage.app.call('POST', CHAT, { key, body })).status).toBe(200);
  });

  it('a simulation says so', async () => {
    const made = await stage.app.call('POST', '/v1/keys', { body: { name: 'simulated' } });
    const { id } = made.body as { id: string };
    const body = { model: 'cloud/model', input_tokens: 10, max_tokens: 10 };
    const { body: told } = await stage.app.call('POST', `/v1/keys/${id}/simulate`, { body });
    expect(told).toMatchObject({ status: 402, code: 'insufficient_credits' });
  });
});

describe('with credit', () => {
  it('calls are served at once, and charged what they used', async () => {
    await grant('1');
    await vi.waitFor(
      async () => expect((await stage.chat({ max_tokens: 1_000 })).status).toBe(200),
      { timeout: 10_000, interval: 50 },
    );
    // 10 × 0.15 + 100 × 0.6 USD per million
    await expectBalance(1 - 0.0000615);
  });

  it('a little of it has max_tokens lowered to what it pays for, and what is not used is left', async () => {
    const before = await balance();
    const { headers, status } = await stage.chat({ max_tokens: 10_000_000 });
    expect(status).toBe(200);
    expect(Number(headers.get('x-latchkey-max-tokens'))).toBeLessThan((before / 0.6) * 1e6);
    await expectBalance(before - 0.0000615);
  });

  it('a stream is charged what passed, and a completion that came to nothing is not', async () => {
    const before = await balance();
    const usage = { prompt_tokens: 10, completion_tokens: 50 };
    const last = event({ choices: [], usage });
    stage.upstream.behave(answerStream([chunk({ content: 'Hi' }), chunk({}, 'stop'), last, DONE]));
    expect((await stage.chat({ stream: true, max_tokens: 100 })).status).toBe(200);
    stage.upstream.behave(answerStream([chunk({}, 'error'), last, DONE]));
    expect((await stage.chat({ stream: true, max_tokens: 100 })).status).toBe(200);
    await expectBalance(before - 0.0000315);
  });

  it('what a provider reports beyond all of it is owed, and never a credit', async () => {
    const before = await balance();
    stage.upstream.behave(answering(100_000_000));
    expect((await stage.chat({ max_tokens: 100 })).status).toBe(200);
    const owed = before - 60.0000015;
    await expectBalance(owed);
    stage.upstream.behave(answering(100));
    expect((await stage.chat({ max_tokens: 100 })).status).toBe(402);
    expect(await grant('30')).toBeCloseTo(owed + 30, 9);
    expect((await stage.chat({ max_tokens: 100 })).status).toBe(402);
    expect(await grant('31')).toBeGreaterThan(0);
    // An instance that was told of nothing left believes it for a moment.
    const isServed = async () => expect((await stage.chat({ max_tokens: 100 })).status).toBe(200);
    await vi.waitFor(isServed, { timeout: 10_000, interval: 50 });
  });
});
