import { describe, expect, it } from 'vitest';

import type { Candidate } from '../../route-directory.port.js';
import { compileRouteTable, type ModelCandidate } from './route-table.js';

function row(model: string, routeId: string, seconds: number, contextLength = 8): ModelCandidate {
  const candidate = {
    routeId,
    contextLength,
    maxOutputTokens: null,
    provider: { name: `of-${routeId}` },
  };
  return {
    model,
    createdAt: new Date(seconds * 1_000),
    candidate: candidate as unknown as Candidate,
  };
}

describe('compileRouteTable', () => {
  const table = compileRouteTable([
    row('b', '1', 30, 16),
    row('a', '2', 10),
    row('b', '3', 20, 32),
  ]);

  it('keeps the candidates of a model in the order that it was given', () => {
    expect(table.candidates('b').map(({ routeId }) => routeId)).toEqual(['1', '3']);
  });

  it('has none for a model that is not routed, whatever its name', () => {
    expect(table.candidates('c')).toEqual([]);
    expect(table.candidates('__proto__')).toEqual([]);
    expect(table.candidates('constructor')).toEqual([]);
  });

  it('describes each model once, by its first candidate and its oldest route', () => {
    expect(table.models()).toEqual([
      {
        model: 'a',
        createdAt: new Date(10_000),
        providerName: 'of-2',
        contextLength: 8,
        maxOutputTokens: null,
      },
      {
        model: 'b',
        createdAt: new Date(20_000),
        providerName: 'of-1',
        contextLength: 16,
        maxOutputTokens: null,
      },
    ]);
  });
});
