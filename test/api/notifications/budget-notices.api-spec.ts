import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

import type { LimitState } from '#modules/limits/index.js';
import { EventBus } from '#platform/events/event-bus.js';

import { startTestApp, type TestApp } from '../../support/app.js';

let app: TestApp;
let bus: EventBus;
beforeAll(async () => {
  // The event bus of the instance, which nothing of the API shows.
  const on = vi.spyOn(EventBus.prototype, 'on');
  app = await startTestApp();
  bus = on.mock.contexts[0] as EventBus;
  on.mockRestore();
});
afterAll(() => app.close());

it('people are told once of money that nears its end, and once that it has reached it', async () => {
  const team = await app.call('POST', '/v1/teams', { body: { name: 'Research' } });
  const team_id = (team.body as { id: string }).id;
  const made = await app.call('POST', '/v1/keys', {
    body: { name: 'spender', type: 'team', scope: { team_id } },
  });
  const own = (await app.call('GET', '/v1/key')).body as { organization_id: string };
  const state = {
    subject: 'key' as const,
    subject_id: (made.body as { id: string }).id,
    metric: 'cost',
    window: 'day',
    model: 'm'.repeat(5_000),
    limit: 10,
    used: 8.5,
    reserved: 0,
    remaining: 1.5,
    resets_at: '2026-11-28T00:00:00.000Z',
  };
  const tell = (reached: 'threshold' | 'limit', fields: Partial<LimitState> = {}): void => {
    bus.emit('limits.allowance-reached', {
      organizationId: own.organization_id,
      reached,
      state: { ...state, ...fields },
    });
  };
  tell('threshold');
  tell('threshold');
  tell('threshold', { metric: 'requests' });
  tell('limit');
  tell('threshold', { resets_at: '2026-11-29T00:00:00.000Z' });
  tell('limit', { subject: 'team', subject_id: team_id });
  const database = new pg.Client({ connectionString: app.databaseUrl });
  await database.connect();
  await vi.waitFor(async () => {
    const { rows } = await database.query(
      `SELECT type, key_id, team_id, data->>'used' AS used, data->>'name' AS name
         FROM notifications WHERE type LIKE 'budget.%' ORDER BY type, key_id`,
    );
    expect(rows).toEqual([
      { type: 'budget.reached', key_id: state.subject_id, team_id, used: '8.5', name: 'spender' },
      { type: 'budget.reached', key_id: null, team_id, used: '8.5', name: 'Research' },
      {
        type: 'budget.threshold_reached',
        key_id: state.subject_id,
        team_id,
        used: '8.5',
        name: 'spender',
      },
      {
        type: 'budget.threshold_reached',
        key_id: state.subject_id,
        team_id,
        used: '8.5',
        name: 'spender',
      },
    ]);
  });
  await database.end();
});
