import type { ArgumentMetadata, Type } from '@nestjs/common';
import { describe, expect, it } from 'vitest';

import { createValidationPipe } from '#platform/http/validation.pipe.js';

import { CreateProviderDto, UpdateProviderDto } from './provider.dto.js';

const pipe = createValidationPipe();
const PROVIDER = { name: 'mine', kind: 'openai-compatible', base_url: 'https://example.com/v1' };

function validate<T>(metatype: Type<T>, body: unknown): Promise<T> {
  return pipe.transform(body, { type: 'body', metatype } as ArgumentMetadata) as Promise<T>;
}

describe('CreateProviderDto', () => {
  it('takes what is needed, and what may be left out', async () => {
    await expect(validate(CreateProviderDto, PROVIDER)).resolves.toMatchObject(PROVIDER);
    const whole = { ...PROVIDER, api_key: 'sk-x', timeouts: { connect_ms: 100 } };
    await expect(validate(CreateProviderDto, whole)).resolves.toMatchObject(whole);
    await expect(
      validate(CreateProviderDto, { ...PROVIDER, api_key: null }),
    ).resolves.toBeDefined();
  });

  it.each([
    ['name', { name: 'Mine' }],
    ['name', { name: '-mine' }],
    ['name', { name: 'a'.repeat(65) }],
    ['name', { name: 'a b' }],
    ['kind', { kind: 'anthropic' }],
    ['kind', { kind: undefined }],
    ['base_url', { base_url: 'x'.repeat(2_049) }],
    ['base_url', { base_url: 7 }],
    ['api_key', { api_key: 'two words' }],
    ['api_key', { api_key: 'line\r\nx-evil: 1' }],
    ['api_key', { api_key: '' }],
    ['timeouts.connect_ms', { timeouts: { connect_ms: 0 } }],
    ['timeouts.connect_ms', { timeouts: { connect_ms: 60_001 } }],
    ['timeouts.idle_ms', { timeouts: { idle_ms: 1.5 } }],
    ['timeouts', { timeouts: [{ connect_ms: 5 }] }],
    ['timeouts.whole_ms', { timeouts: { whole_ms: 5 } }],
    ['organization_id', { organization_id: 'org_other' }],
  ])('refuses a wrong %s by its name', async (param, wrong) => {
    await expect(validate(CreateProviderDto, { ...PROVIDER, ...wrong })).rejects.toMatchObject({
      code: 'invalid_request',
      param,
    });
  });

  it('says which kinds there are', async () => {
    await expect(validate(CreateProviderDto, { ...PROVIDER, kind: 'anthropic' })).rejects.toThrow(
      /openai-compatible/,
    );
  });
});

describe('UpdateProviderDto', () => {
  it('takes any part, and null for the key', async () => {
    await expect(validate(UpdateProviderDto, {})).resolves.toEqual({});
    await expect(validate(UpdateProviderDto, { api_key: null })).resolves.toEqual({
      api_key: null,
    });
  });

  it('does not change the kind', async () => {
    await expect(validate(UpdateProviderDto, { kind: 'openai-compatible' })).rejects.toMatchObject({
      param: 'kind',
    });
  });
});
