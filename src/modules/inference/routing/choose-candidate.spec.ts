import { describe, expect, it } from 'vitest';

import type { Candidate } from '#modules/catalog/index.js';

import {
  byPrice,
  byPriority,
  byWeightAlone,
  chooseCandidate,
  type Rank,
} from './choose-candidate.js';
import { RouteSpeeds } from './route-speeds.js';

const DRAWS = 400;

function candidate(name: string, fields: Partial<Candidate> = {}): Candidate {
  return {
    routeId: name,
    provider: { name },
    priority: 0,
    weight: 1,
    bothNanosPerMillion: 10n,
    ...fields,
  } as Candidate;
}

/** How often each was drawn. */
function draw(candidates: readonly Candidate[], rank: Rank): Record<string, number> {
  const drawn: Record<string, number> = {};
  for (let at = 0; at < DRAWS; at++) {
    const name = chooseCandidate(candidates, null, null, rank)?.provider.name ?? 'none';
    drawn[name] = (drawn[name] ?? 0) + 1;
  }
  return drawn;
}

describe('chooseCandidate', () => {
  it('takes those of the lowest priority number alone, by weight', () => {
    const drawn = draw(
      [candidate('late', { priority: 1 }), candidate('rare'), candidate('often', { weight: 9 })],
      byPriority,
    );
    expect(Object.keys(drawn).sort()).toEqual(['often', 'rare']);
    expect(drawn.often).toBeGreaterThan(drawn.rare ?? DRAWS);
  });

  it('takes the cheapest whatever its priority, and among equals by priority', () => {
    const cheap = candidate('cheap', { priority: 5, bothNanosPerMillion: 1n });
    const cheapToo = candidate('cheap-too', { priority: 7, bothNanosPerMillion: 1n });
    expect(draw([candidate('first'), cheapToo, cheap], byPrice)).toEqual({ cheap: DRAWS });
  });

  it('takes the fastest that it knows, and by priority while it knows none', () => {
    const speeds = new RouteSpeeds();
    const all = [
      candidate('first'),
      candidate('slow', { priority: 1 }),
      candidate('fast', { priority: 2 }),
    ];
    expect(draw(all, speeds.bySpeed)).toEqual({ first: DRAWS });
    speeds.of('slow').succeeded(500);
    expect(draw(all, speeds.bySpeed)).toEqual({ slow: DRAWS });
    speeds.of('fast').succeeded(5);
    expect(draw(all, speeds.bySpeed)).toEqual({ fast: DRAWS });
    speeds.of('fast').failed();
    expect(draw(all, speeds.bySpeed)).toEqual({ slow: DRAWS });
  });

  it('leaves out what either list leaves out', () => {
    const all = [candidate('a'), candidate('b', { weight: 50 }), candidate('c', { weight: 50 })];
    const notC = (name: string): boolean => name !== 'c';
    for (let at = 0; at < DRAWS; at++) {
      const found = chooseCandidate(all, notC, new Set(['a', 'c']), byWeightAlone);
      expect(found?.provider.name).toBe('a');
    }
    expect(chooseCandidate(all, notC, new Set(['c']), byPriority)).toBeNull();
    expect(chooseCandidate(all, null, new Set(), byPriority)).toBeNull();
  });
});

describe('RouteSpeed', () => {
  it('follows what calls take of late', () => {
    const speed = new RouteSpeeds().of('one');
    speed.succeeded(100);
    speed.succeeded(200);
    expect(speed.firstByteMs).toBeCloseTo(120);
    for (let at = 0; at < 50; at++) speed.succeeded(10);
    expect(speed.firstByteMs).toBeCloseTo(10, 1);
  });
});
