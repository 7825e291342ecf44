import { describe, expect, it } from 'vitest';

import { eventId, positionOf, RESUMABLE_MS } from './event-id.js';

const NOW = 1_764_000_000_000;

describe('an event id', () => {
  it('tells for five minutes from where to go on', () => {
    const id = eventId(NOW, '10:20:12,15', 'req_a');
    expect(positionOf(id, NOW)).toBe('10:20:12,15');
    expect(positionOf(id, NOW + RESUMABLE_MS)).toBe('10:20:12,15');
    expect(positionOf(id, NOW + RESUMABLE_MS + 1)).toBeNull();
  });

  it.each(['', 'x', '1.2.3', `${NOW.toString(36)}.10:9:.now`, `${NOW.toString(36)}.10:20:.`])(
    'is not %j',
    (id) => expect(positionOf(id, NOW)).toBeNull(),
  );
});
