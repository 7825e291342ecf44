import { describe, expect, it } from 'vitest';

import type { RoutedModel } from '../route-directory.port.js';
import { ReadModelsService } from './read-models.service.js';

function routed(model: string, contextLength: number | null): RoutedModel {
  return {
    model,
    createdAt: new Date('2026-11-21T09:00:00.999Z'),
    providerName: 'openai',
    contextLength,
    maxOutputTokens: null,
  };
}

const MODELS = [
  routed('gpt-4o', 128_000),
  routed('meta/llama', null),
  routed('secret-model', null),
];
const service = new ReadModelsService({
  tableOf: () => ({ candidates: () => [], rules: null, models: () => MODELS }),
});
const reader = {
  organizationId: 'org_a',
  allowsModel: (model: string) => model !== 'secret-model' && !model.startsWith('sandbox/'),
};

describe('ReadModelsService', () => {
  it('lists what the caller may use, and the sandbox for everybody', async () => {
    expect((await service.list(reader)).map(({ id }) => id)).toEqual([
      'gpt-4o',
      'meta/llama',
      'sandbox/echo',
      'sandbox/lorem',
    ]);
  });

  it('answers OpenAI’s object, with limits only where they are known', async () => {
    const created = Date.UTC(2026, 10, 21, 9) / 1_000;
    expect(await service.get(reader, 'gpt-4o')).toEqual({
      id: 'gpt-4o',
      object: 'model',
      created,
      owned_by: 'openai',
      context_length: 128_000,
    });
    expect(await service.get(reader, 'meta/llama')).toEqual({
      id: 'meta/llama',
      object: 'model',
      created,
      owned_by: 'openai',
    });
  });

  it.each(['secret-model', 'nope', 'sandbox/none', ''])(
    'says of %j what it says of a model that does not exist',
    async (id) => {
      await expect(service.get(reader, id)).rejects.toMatchObject({
        code: 'model_not_found',
        message: `There is no model ${id}.`,
      });
    },
  );
});
