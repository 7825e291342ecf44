import type { DataSource } from 'typeorm';
import { describe, expect, it } from 'vitest';

import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { createLogger } from '#platform/observability/logger.js';

import { EventBus } from './event-bus.js';
import type { EventMap, EventName } from './event-map.js';

// Events belong to modules; the bus itself knows none, and any name does for it.
const EVENT = 'spec.thing-changed' as EventName;
const payload = (id: string): EventMap[EventName] => ({ id });

function setUp() {
  const dataSource = {
    transaction: (work: (manager: object) => Promise<unknown>) => work({}),
  } as unknown as DataSource;
  const transactions = new TransactionRunner(dataSource);
  const lines: string[] = [];
  const logger = createLogger('info', { write: (line) => void lines.push(line) });
  const bus = new EventBus(transactions, logger);
  const heard: string[] = [];
  const hear = (who: string) => (event: object) => {
    heard.push(`${who} ${(event as { id: string }).id}`);
  };
  return { transactions, bus, lines, heard, hear };
}

describe('EventBus', () => {
  it('starts handlers in the order they were added, before emit returns', () => {
    const { bus, heard, hear } = setUp();
    bus.on(EVENT, hear('first'));
    bus.on(EVENT, async (event) => {
      hear('second')(event);
      await Promise.resolve();
    });
    bus.on('spec.other' as EventName, hear('other'));
    bus.emit(EVENT, payload('a'));
    expect(heard).toEqual(['first a', 'second a']);
  });

  it('holds events until the outermost transaction is committed, in order', async () => {
    const { bus, transactions, heard, hear } = setUp();
    bus.on(EVENT, hear('x'));
    await transactions.run(async () => {
      bus.emit(EVENT, payload('a'));
      await transactions.run(async () => {
        bus.emit(EVENT, payload('b'));
        await Promise.resolve();
      });
      expect(heard).toEqual([]);
    });
    expect(heard).toEqual(['x a', 'x b']);
  });

  it('drops the events of a transaction that is rolled back', async () => {
    const { bus, transactions, heard, hear } = setUp();
    bus.on(EVENT, hear('x'));
    const rolledBack = transactions.run(async () => {
      bus.emit(EVENT, payload('a'));
      await Promise.resolve();
      throw new Error('rolled back');
    });
    await expect(rolledBack).rejects.toThrow('rolled back');
    expect(heard).toEqual([]);
  });

  it('logs a failing handler by the event’s name, and spares the emitter and the other handlers', async () => {
    const { bus, lines, heard, hear } = setUp();
    bus.on(EVENT, () => {
      throw new Error('at once');
    });
    bus.on(EVENT, () => Promise.reject(new Error('later')));
    bus.on(EVENT, hear('x'));
    bus.emit(EVENT, payload('id-of-someone'));
    await new Promise(setImmediate);
    expect(heard).toEqual(['x id-of-someone']);
    expect(lines).toHaveLength(2);
    expect(lines.every((line) => line.includes(EVENT))).toBe(true);
    expect(lines.join()).not.toContain('id-of-someone');
  });

  it('warns when handlers of one event pile up', () => {
    const { bus, lines, hear } = setUp();
    for (let count = 0; count < 50; count++) bus.on(EVENT, hear('x'));
    expect(lines).toEqual([]);
    bus.on(EVENT, hear('x'));
    expect(lines).toHaveLength(1);
  });
});
