import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type Actor, systemActor } from '#platform/audit-trail/actor.js';
import type { AuditEvent } from '#platform/audit-trail/audit-trail.port.js';

import { RepeatedEvents } from './repeated-events.js';

const EVENT: AuditEvent = {
  organizationId: 'org_1',
  action: 'access.denied',
  target: { type: 'route', id: '/v1/keys' },
  details: { code: 'ip_not_allowed' },
};
const ACTOR: Actor = systemActor('somebody');

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('RepeatedEvents', () => {
  it('lets the first through, and tells of the others in one within a minute', async () => {
    const written: unknown[] = [];
    const repeated = new RepeatedEvents(({ details }) => written.push(details));
    for (let time = 0; time < 4; time++) repeated.add('one', EVENT, ACTOR);
    repeated.add('other', EVENT, ACTOR);
    expect(written).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(written.slice(2)).toEqual([{ code: 'ip_not_allowed', repeated: 3 }]);
    repeated.add('one', EVENT, ACTOR);
    expect(written).toHaveLength(4);
  });

  it('remembers 10,000 at most, and lets the others through', () => {
    let written = 0;
    const repeated = new RepeatedEvents(() => written++);
    for (let like = 0; like < 10_001; like++) repeated.add(String(like), EVENT, ACTOR);
    repeated.add('10000', EVENT, ACTOR);
    repeated.add('0', EVENT, ACTOR);
    expect(written).toBe(10_002);
  });
});
