import { afterAll, beforeAll, expect, it } from 'vitest';

import { type Stage, startStage } from '../inference/inference.harness.js';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.close());

type Limit = Record<string, unknown> & { metric: string; window: string };

async function limitsOf(id: string): Promise<Limit[]> {
  const { body } = await stage.app.call('GET', `/v1/keys/${id}/limits`);
  return (body as { data: Limit[] }).data;
}

it('shows each limit that binds a key, its own and its budgets, and what is used of it', async () => {
  const made = await stage.app.call('POST', '/v1/keys', {
    body: {
      name: 'limited',
      rate_limits: {
        requests: { per_second: 2, burst_size: 5, per_day: 10 },
        costs: { per_day_max: '2.5' },
        concurrency: { max_parallel_requests: 3 },
      },
    },
  });
  const { id, key } = made.body as { id: string; key: string };
  await stage.app.call('PUT', '/v1/budgets', {
    body: { scope: 'key', scope_id: id, window: 'daily', limit: 2 },
  });
  const answer = await stage.chat({ max_tokens: 10 }, { key });
  expect(answer.status).toBe(200);
  const limits = await limitsOf(id);
  const names = limits.map(({ metric, window }) => `${metric} a ${window}`);
  expect(names.sort()).toEqual([
    'cost a day',
    'parallel_requests a none',
    'requests a day',
    'requests a second',
  ]);
  const requests = limits.find(({ metric, window }) => metric === 'requests' && window === 'day');
  expect(requests).toMatchObject({ subject: 'key', subject_id: id, limit: 10 });
  expect(Number(requests!.used) + Number(requests!.reserved)).toBeGreaterThanOrEqual(1);
  // The budget is the lower one.
  expect(limits.find(({ metric }) => metric === 'cost')).toMatchObject({ limit: 2 });
  // Of five at once one is gone, of ten a day as well: the five are closer to their end.
  expect(answer.headers.get('x-ratelimit-limit-requests')).toBe('5');
  expect(answer.headers.get('x-ratelimit-remaining-requests')).toBe('4');
  expect(answer.headers.get('x-ratelimit-reset-requests')).toBe('1s');
  expect(answer.headers.get('ratelimit-policy')).toBe('"requests-per-second";q=5;w=1');
});
