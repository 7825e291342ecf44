import { describe, expect, it } from 'vitest';

import type { Listener } from './listener.js';
import { Listeners } from './listeners.js';

const keyOf = (number: number) => ({ organizationId: 'org_1', keyId: `key_${number}` });

function fill(listeners: Listeners, number: number, count: number): Listener[] {
  return Array.from({ length: count }, () => {
    const listener = { key: keyOf(number) } as Listener;
    listeners.add(listener);
    return listener;
  });
}

describe('listeners', () => {
  it('are at most 500 of a key, and one that leaves makes room', () => {
    const listeners = new Listeners();
    const [first] = fill(listeners, 1, 499) as [Listener];
    expect(() => listeners.assertRoomFor(keyOf(1))).not.toThrow();
    fill(listeners, 1, 1);
    expect(() => listeners.assertRoomFor(keyOf(1))).toThrow('500 streams of this key');
    expect(() => listeners.assertRoomFor(keyOf(2))).not.toThrow();
    listeners.remove(first);
    listeners.remove(first);
    expect(listeners.count).toBe(499);
    expect(() => listeners.assertRoomFor(keyOf(1))).not.toThrow();
  });

  it('are at most 2,000 of a process', () => {
    const listeners = new Listeners();
    for (let number = 0; number < 4; number++) fill(listeners, number, 500);
    expect(() => listeners.assertRoomFor(keyOf(9))).toThrow('2000 streams of usage');
  });

  it('are known by their key, of which none is left when the last one leaves', () => {
    const listeners = new Listeners();
    const [one] = fill(listeners, 1, 1) as [Listener];
    fill(listeners, 2, 2);
    expect(listeners.keys()).toEqual([keyOf(1), keyOf(2)]);
    expect(listeners.of(keyOf(2)).size).toBe(2);
    listeners.remove(one);
    expect(listeners.keys()).toEqual([keyOf(2)]);
    expect(listeners.of({ organizationId: 'org_2', keyId: 'key_2' }).size).toBe(0);
  });
});
