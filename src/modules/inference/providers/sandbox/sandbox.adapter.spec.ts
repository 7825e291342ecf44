import { beforeAll, describe, expect, it } from 'vitest';

import { Clock } from '#common/time/clock.js';

import { parseInferenceRequest } from '../../request/inference-request.js';
import { CHAT_COMPLETIONS } from '../../surface.js';
import type { UpstreamCall } from '../../upstream/provider-adapter.js';
import { SandboxAdapter } from './sandbox.adapter.js';

class FixedClock extends Clock {
  override now(): number {
    return 0;
  }
}

const adapter = new SandboxAdapter(new FixedClock());
beforeAll(() => adapter.onModuleInit(), 30_000);

/** How many tokens are written when the call's output is lowered. */
function written(members: string, loweredTo: number): Promise<number> {
  const body = Buffer.from(
    `{"model":"sandbox/lorem","messages":[{"role":"user","content":"hi"}]${members}}`,
  );
  const request = parseInferenceRequest(body, CHAT_COMPLETIONS);
  request.lowerOutputTo(loweredTo);
  const call = { requestId: 'req_1', surface: CHAT_COMPLETIONS, request, clientHeaders: {} };
  return new Promise((resolve, reject) => {
    let answer = '';
    adapter.send(call as unknown as UpstreamCall, {
      head: () => undefined,
      data: (chunk) => (answer += chunk.toString()),
      end: () => {
        const { usage } = JSON.parse(answer) as { usage: { completion_tokens: number } };
        resolve(usage.completion_tokens);
      },
      fail: reject,
    });
  });
}

describe('SandboxAdapter', () => {
  it.each([
    ['', 5],
    [',"max_tokens":3', 3],
    [',"max_tokens":50', 5],
    [',"max_completion_tokens":50', 5],
    [',"max_tokens":2,"max_completion_tokens":50', 5],
  ])('keeps to an output that was lowered to 5 for {…%s}', async (members, tokens) => {
    expect(await written(members, 5)).toBe(tokens);
  });
});
