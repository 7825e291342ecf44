/** Many entries of the audit log at once, as the product would have written them one by one. Nobody has sealed them yet. */
import { randomBytes } from 'node:crypto';

import { Secret } from '#common/secret/secret.js';
import { RootKey } from '#platform/crypto/root-key.js';

import type { AuditEntry } from '../../src/modules/audit/domain/audit-entry.js';
import { EntryMac } from '../../src/modules/audit/trail/entry-mac.js';
import { queryDatabase } from './postgres.js';

const AT_ONCE = 1_000;

type Wish = {
  readonly entries: number;
  /** `LATCHKEY_SECRET_KEY` */
  readonly secretKey: string;
  readonly keyIdOf?: (n: number) => string;
};

/** Of the only organization. All of the same moment: their order is that of the chain alone. */
export async function writeEntries(databaseUrl: string, wish: Wish): Promise<void> {
  const macs = new EntryMac(new RootKey(new Secret(Buffer.from(wish.secretKey, 'base64'))));
  const [organization] = await queryDatabase<{ id: string }>(
    databaseUrl,
    'SELECT id FROM organizations',
  );
  const occurredAt = new Date(Date.now() - 60_000);
  const entryOf = (n: number): AuditEntry => ({
    id: `aud_${randomBytes(11).toString('hex')}`,
    organizationId: organization?.id ?? '',
    occurredAt,
    action: 'key.updated',
    eventType: 'permission_change',
    outcome: 'success',
    actorType: 'user',
    actorId: 'user_bulk',
    userId: 'user_bulk',
    actingKeyId: null,
    sessionId: null,
    requestId: `req_bulk${n}`,
    targetType: 'key',
    targetId: 'key_bulk',
    keyId: wish.keyIdOf?.(n) ?? null,
    reason: null,
    before: null,
    after: { number: n },
    details: {},
    personal: { ip_address: '192.0.2.7' },
    salt: randomBytes(16),
  });
  for (let from = 0; from < wish.entries; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, wish.entries - from);
    const entries = Array.from({ length: count }, (_, at) => entryOf(from + at));
    await queryDatabase(
      databaseUrl,
      `INSERT INTO audit_entries (id, organization_id, occurred_at, action, event_type, outcome, actor_type, actor_id, user_id,
         request_id, target_type, target_id, key_id, after, details, personal, salt, mac)
       SELECT id, $2, $3, 'key.updated', 'permission_change', 'success', 'user', 'user_bulk', 'user_bulk', request_id, 'key', 'key_bulk',
         key_id, after, '{}', '{"ip_address": "192.0.2.7"}', salt, mac
       FROM unnest($1::text[], $4::text[], $5::text[], $6::jsonb[], $7::bytea[], $8::bytea[]) AS one (id, request_id, key_id, after, salt, mac)`,
      [
        entries.map(({ id }) => id),
        organization?.id,
        occurredAt,
        entries.map(({ requestId }) => requestId),
        entries.map(({ keyId }) => keyId),
        entries.map(({ after }) => JSON.stringify(after)),
        entries.map(({ salt }) => salt),
        entries.map((entry) => macs.of(entry)),
      ],
    );
  }
}
