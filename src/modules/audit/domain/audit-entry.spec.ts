import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type AuditEntry, canonicalText, commitmentTo, coveredOf } from './audit-entry.js';
import { recordable } from './recordable.js';

const ENTRY: AuditEntry = {
  id: 'aud_1',
  organizationId: 'org_1',
  occurredAt: new Date('2026-11-28T10:00:00Z'),
  action: 'key.created',
  eventType: 'permission_change',
  outcome: 'success',
  actorType: 'key',
  actorId: 'key_1',
  userId: null,
  actingKeyId: 'key_1',
  sessionId: null,
  requestId: 'req_1',
  targetType: 'key',
  targetId: 'key_2',
  keyId: 'key_2',
  reason: null,
  before: null,
  after: { b: 1, a: [2] },
  details: {},
  personal: { ip_address: '192.0.2.1' },
  salt: Buffer.alloc(16, 7),
};

describe('canonicalText', () => {
  it('is the same after JSON was written and read, whatever the facts', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (facts) => {
        const after = recordable(facts);
        const readBack = JSON.parse(JSON.stringify(after)) as typeof after;
        const texts = [after, readBack].map((one) =>
          canonicalText(coveredOf({ ...ENTRY, after: one })),
        );
        expect(texts[0]).toBe(texts[1]);
      }),
    );
  });

  it('has commitments to what is personal, and nothing of it', () => {
    const text = canonicalText(coveredOf(ENTRY));
    expect(text).not.toContain('192.0.2.1');
    expect(text).toContain(commitmentTo(ENTRY.salt, 'ip_address', '192.0.2.1'));
    expect(text).toContain('"after":{"a":[2],"b":1}');
  });
});
