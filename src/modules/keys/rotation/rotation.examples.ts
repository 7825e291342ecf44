import { CREATED_KEY_EXAMPLE } from '../keys.examples.js';
import type { KeySecretsResponse, RotatedKeyResponse } from './dto/rotate-key.responses.js';

const { id, key, prefix } = CREATED_KEY_EXAMPLE;

export const ROTATED_KEY_EXAMPLE: RotatedKeyResponse = {
  id,
  key,
  old_key_expires_at: '2026-11-22T09:00:00.000Z',
};

export const KEY_SECRETS_EXAMPLE: KeySecretsResponse = {
  id,
  state: 'overlapping',
  old_key_expires_at: '2026-11-23T09:00:00.000Z',
  secrets: [
    {
      id: 'sec_9hQ2mZx1sLwq8nE2bYcA4f',
      prefix,
      last_four: 'y8Kd',
      state: 'current',
      created_at: '2026-11-21T09:00:00.000Z',
      expires_at: null,
      claimed_at: null,
      last_used_at: null,
      last_used_address: null,
      last_used_agent: null,
    },
    {
      id: 'sec_4fTqV0mZx1sLwq8nE2bYcA',
      prefix,
      last_four: 'a1B2',
      state: 'retiring',
      created_at: '2026-08-21T09:00:00.000Z',
      expires_at: '2026-11-23T09:00:00.000Z',
      claimed_at: null,
      last_used_at: '2026-11-21T09:41:07.000Z',
      last_used_address: '192.0.2.7',
      last_used_agent: 'OpenAI/Python 2.8.1',
    },
  ],
};
