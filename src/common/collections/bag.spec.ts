import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Bag, type BagItem } from './bag.js';

type Named = BagItem & { readonly name: number };

function items(count: number): Named[] {
  return Array.from({ length: count }, (_, name) => ({ name, place: -1 }));
}

describe('Bag', () => {
  it('holds what a set would hold, whatever comes and goes', () => {
    const step = fc.record({ adds: fc.boolean(), name: fc.integer({ min: 0, max: 9 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const all = items(10);
        const bag = new Bag<Named>();
        const set = new Set<Named>();
        for (const { adds, name } of steps) {
          const item = all[name] as Named;
          if (adds) bag.add(item);
          else bag.delete(item);
          if (adds) set.add(item);
          else set.delete(item);
          expect(bag.size).toBe(set.size);
        }
        expect(new Set(bag.toArray())).toEqual(set);
        expect(all.filter((item) => bag.has(item))).toEqual(all.filter((item) => set.has(item)));
      }),
    );
  });

  it('has no item of another bag', () => {
    const [one, other] = items(2) as [Named, Named];
    const bag = new Bag<Named>();
    bag.add(one);
    new Bag<Named>().add(other);
    expect(bag.has(other)).toBe(false);
    bag.delete(other);
    expect(bag.toArray()).toEqual([one]);
  });
});
