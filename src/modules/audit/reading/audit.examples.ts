import type { ExportedEntry } from '../domain/exported-entry.js';
import type { KeyEventResponse } from './dto/audit.responses.js';

const KEY_ID = 'key_4fTqV0mZx1sLwq8nE2bYcA';

export const AUDIT_ENTRY_EXAMPLE: ExportedEntry = {
  id: 'aud_1sLwq8nE2bYcA4fTqV0mZx',
  organization_id: 'org_0mZx1sLwq8nE2bYcA4fTqV',
  timestamp: '2026-11-21T09:00:00.000Z',
  event_type: 'permission_change',
  action: 'key.updated',
  outcome: 'success',
  actor: {
    type: 'user',
    id: 'user_E2bYcA4fTqV0mZx1sLwq8n',
    key_id: null,
    session_id: 'ses_cA4fTqV0mZx1sLwq8nE2bY',
  },
  user_id: 'user_E2bYcA4fTqV0mZx1sLwq8n',
  ip_address: '203.0.113.7',
  user_agent: 'curl/8.14.1',
  country: 'DE',
  target: { type: 'key', id: KEY_ID },
  key_id: KEY_ID,
  request_id: 'req_1vXqPk4fTqV0mZx1sLwq8n',
  reason: null,
  before: { name: 'billing', version: 1 },
  after: { name: 'invoices', version: 2 },
  details: {},
  personal: { ip_address: '203.0.113.7', user_agent: 'curl/8.14.1', country: 'DE' },
  salt: 'mZx1sLwq8nE2bYcA4fTqVw',
  personal_commitments: {
    ip_address: 'oGd3mIh9VXr0q4oXc0yKpP4aXb0mE1cFhJx9oZk2VqI',
    user_agent: 'Yb0mE1cFhJx9oZk2VqIoGd3mIh9VXr0q4oXc0yKpP4M',
    country: 'E1cFhJx9oZk2VqIoGd3mIh9VXr0q4oXc0yKpP4aXb0k',
  },
  sequence: 1204,
  previous_hash: '0cc175b9c0f1b6a831c399e269772661f4b2f2e0d5c8a4a1b3f0f9e6d7c8b9a0',
  hash: '5d41402abc4b2a76b9719d911017c592ae35ad2cf0b8b36b60ae5bf4bcdb5b1b',
};

export const KEY_EVENT_EXAMPLE: KeyEventResponse = {
  id: AUDIT_ENTRY_EXAMPLE.id,
  timestamp: AUDIT_ENTRY_EXAMPLE.timestamp,
  event_type: AUDIT_ENTRY_EXAMPLE.event_type,
  action: AUDIT_ENTRY_EXAMPLE.action,
  outcome: AUDIT_ENTRY_EXAMPLE.outcome,
  actor: { type: 'user', id: 'user_E2bYcA4fTqV0mZx1sLwq8n', key_id: null },
  user_id: AUDIT_ENTRY_EXAMPLE.user_id,
  ip_address: AUDIT_ENTRY_EXAMPLE.ip_address,
  user_agent: AUDIT_ENTRY_EXAMPLE.user_agent,
  country: AUDIT_ENTRY_EXAMPLE.country,
  target: AUDIT_ENTRY_EXAMPLE.target,
  request_id: AUDIT_ENTRY_EXAMPLE.request_id,
  details: {
    before: { name: 'billing', version: 1 },
    after: { name: 'invoices', version: 2 },
  },
};
