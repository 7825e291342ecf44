import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createLogger } from '#platform/observability/logger.js';

import { QueueErrorLog } from './queue-error-log.js';

describe('QueueErrorLog', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('writes the first of many errors at once, and then one line in ten seconds with the number left out', () => {
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line) => void lines.push(line) });
    const log = new QueueErrorLog(logger);
    for (let tick = 0; tick < 200; tick++) {
      log.report('keys', new Error('connect ECONNREFUSED'));
      vi.advanceTimersByTime(100);
    }
    const leftOut = lines.map((line) => (JSON.parse(line) as { leftOut: number }).leftOut);
    expect(leftOut).toEqual([0, 99]);
  });
});
