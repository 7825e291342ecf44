import { afterAll, beforeAll, expect, it } from 'vitest';

import { Secret } from '#common/secret/secret.js';
import { verifyLedger } from '#modules/billing/index.js';

import { LedgerHarness } from './ledger.harness.js';

let ledger: LedgerHarness;
let id: string;
const NOW = new Date('2026-11-28T12:00:00Z');

beforeAll(async () => {
  ledger = await LedgerHarness.start();
  id = await ledger.newOrganization();
  const grantId = await ledger.grant(id, 500n);
  const hold = (idempotencyKey: string) =>
    ledger.repository.transfer(id, {
      kind: 'hold',
      debit: 'prepaid_credit',
      credit: 'holds',
      amountNanos: 100n,
      grantId,
      idempotencyKey,
      cause: 'spec',
      effectiveAt: NOW,
    });
  const end = { kind: 'hold_voided', cause: 'spec', effectiveAt: NOW } as const;
  await ledger.endHold(id, await hold('voided'), end);
  await hold('pending');
  await ledger.charge(id, 450n, NOW, 'batch');
  await ledger.admin.query(
    `INSERT INTO key_usage_totals VALUES ($1, 'key_1', 1, 1, 1, 450, now())`,
    [id],
  );
});
afterAll(() => ledger.stop());

/** What is found after a statement that only the owner of the tables can run; it is undone again. */
async function foundAfter(table: string, spoil: string, mend: string): Promise<string[]> {
  const guarded = (statement: string) =>
    ledger.admin.query(
      `ALTER TABLE ${table} DISABLE TRIGGER USER; ${statement}; ALTER TABLE ${table} ENABLE TRIGGER USER`,
    );
  await guarded(spoil);
  const findings = await verifyLedger(new Secret(ledger.url));
  await guarded(mend);
  return findings.map(({ finding }) => finding);
}

it('finds nothing where all sums agree', async () => {
  expect(await verifyLedger(new Secret(ledger.url))).toEqual([]);
});

it.each([
  [
    'a balance that was written by hand',
    'ledger_accounts',
    "UPDATE ledger_accounts SET balance = balance + 1 WHERE kind = 'revenue'",
    "UPDATE ledger_accounts SET balance = balance - 1 WHERE kind = 'revenue'",
    ['ledger_not_zero', 'balance_wrong'],
  ],
  [
    'a grant that was filled by hand',
    'credit_grants',
    'UPDATE credit_grants SET remaining = remaining + 1',
    'UPDATE credit_grants SET remaining = remaining - 1',
    ['grant_wrong'],
  ],
  [
    'a position that was raised by hand',
    'credit_positions',
    'UPDATE credit_positions SET funded = funded + 1',
    'UPDATE credit_positions SET funded = funded - 1',
    ['position_wrong', 'allowance_wrong'],
  ],
  [
    'an allowance that was raised by hand',
    'allowance_windows',
    'UPDATE allowance_windows SET funded = funded + 1',
    'UPDATE allowance_windows SET funded = funded - 1',
    ['allowance_wrong'],
  ],
  [
    'usage that was not charged',
    'key_usage_totals',
    'UPDATE key_usage_totals SET cost_nanos = cost_nanos + 1',
    'UPDATE key_usage_totals SET cost_nanos = cost_nanos - 1',
    ['usage_not_charged'],
  ],
  [
    'usage of an organization that is not there',
    'key_usage_totals',
    "INSERT INTO key_usage_totals VALUES ('org_nobody', 'key_1', 1, 1, 1, 7, now())",
    "DELETE FROM key_usage_totals WHERE organization_id = 'org_nobody'",
    ['usage_of_nobody'],
  ],
])('finds %s', async (...[, table, spoil, mend, found]) => {
  expect(await foundAfter(table, spoil, mend)).toEqual(found);
  expect(await verifyLedger(new Secret(ledger.url))).toEqual([]);
});

it('finds a batch that was charged twice', async () => {
  await ledger.charge(id, 450n, NOW, 'the same under another key');
  const findings = await verifyLedger(new Secret(ledger.url));
  expect(findings).toEqual([
    {
      finding: 'usage_not_charged',
      organizationId: id,
      subject: 'usage',
      found: '900',
      expected: '450',
    },
  ]);
});
