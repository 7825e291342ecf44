import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { LedgerHarness } from './ledger.harness.js';

let ledger: LedgerHarness;
let organizationId: string;
let admin: pg.Pool;

beforeAll(async () => {
  ledger = await LedgerHarness.start();
  admin = ledger.admin;
});
afterAll(() => ledger.stop());
beforeEach(async () => {
  organizationId = await ledger.newOrganization();
});

const NOW = new Date('2026-11-28T12:00:00Z');
const facts = (): { idempotencyKey: string; cause: string; effectiveAt: Date } => ({
  idempotencyKey: randomUUID(),
  cause: 'test',
  effectiveAt: NOW,
});

async function hold(grantId: string, amountNanos: bigint, expiresAt: Date | null = null) {
  return ledger.repository.transfer(organizationId, {
    ...facts(),
    kind: 'hold',
    debit: 'prepaid_credit',
    credit: 'holds',
    amountNanos,
    grantId,
    expiresAt,
  });
}

describe('an organization', () => {
  it('has a ledger that sums to zero from the statement that makes it', async () => {
    const { rows } = await admin.query(
      'SELECT count(*)::integer, sum(balance)::integer FROM ledger_accounts WHERE organization_id = $1',
      [organizationId],
    );
    expect(rows).toEqual([{ count: 7, sum: 0 }]);
  });
});

describe('a transfer', () => {
  it('moves balances, the grant and the position together', async () => {
    await ledger.grant(organizationId, 500n);
    expect(await ledger.stateOf(organizationId)).toMatchObject({
      balances: { funding: '-500', prepaid_credit: '500' },
      grants: ['500'],
      position: { funded: '500', charged: '0' },
    });
  });

  it('is written once under its key, and refused with another content', async () => {
    const grantId = await ledger.grant(organizationId, 500n);
    const same = {
      ...facts(),
      kind: 'expiry',
      debit: 'prepaid_credit',
      credit: 'expired',
    } as const;
    const once = { ...same, amountNanos: 100n, grantId };
    const id = await ledger.repository.transfer(organizationId, once);
    expect(await ledger.repository.transfer(organizationId, once)).toBe(id);
    await expect(
      ledger.repository.transfer(organizationId, { ...once, amountNanos: 101n }),
    ).rejects.toThrow(/stands for another transfer/);
    expect((await ledger.stateOf(organizationId)).position).toEqual({
      funded: '400',
      charged: '0',
    });
  });

  it('takes no credit that is not there', async () => {
    const grantId = await ledger.grant(organizationId, 500n);
    await expect(hold(grantId, 501n)).rejects.toThrow(/floor_check|remaining_check/);
    expect((await ledger.stateOf(organizationId)).balances).toMatchObject({ holds: '0' });
  });

  it('takes no credit of another grant of the same account', async () => {
    const small = await ledger.grant(organizationId, 10n);
    await ledger.grant(organizationId, 500n);
    await expect(hold(small, 11n)).rejects.toThrow(/remaining_check/);
  });

  it('is of one organization: a grant of another one can’t pay', async () => {
    const foreign = await ledger.grant(await ledger.newOrganization(), 500n);
    await ledger.grant(organizationId, 500n);
    await expect(hold(foreign, 1n)).rejects.toThrow(/not of the account|grant_fk/);
  });

  it.each([
    ['usage', 'funding', 'revenue'],
    ['hold_posted', 'prepaid_credit', 'revenue'],
    ['grant', 'prepaid_credit', 'funding'],
    ['correction', 'holds', 'revenue'],
    ['correction', 'revenue', 'revenue'],
    ['bonus', 'funding', 'revenue'],
  ])('of the kind %s does not go from %s to %s', async (kind, debit, credit) => {
    await expect(
      admin.query(
        `INSERT INTO ledger_transfers (organization_id, kind, debit, credit, amount, idempotency_key, cause, effective_at)
         VALUES ($1, $2, $3, $4, 1, 'k', 'c', now())`,
        [organizationId, kind, debit, credit],
      ),
    ).rejects.toThrow(/_check/);
  });

  it.each(['0', '-1'])('of %s is refused', async (amount) => {
    await expect(
      admin.query(
        `INSERT INTO ledger_transfers (organization_id, kind, debit, credit, amount, idempotency_key, cause, effective_at)
         VALUES ($1, 'correction', 'revenue', 'receivable', $2, 'k', 'c', now())`,
        [organizationId, amount],
      ),
    ).rejects.toThrow(/amount_check/);
  });
});

describe('what nobody may do', () => {
  it.each([
    'UPDATE ledger_transfers SET amount = 1',
    'DELETE FROM ledger_transfers',
    'TRUNCATE ledger_transfers',
    'UPDATE ledger_accounts SET balance = 1',
    'DELETE FROM ledger_accounts',
    'TRUNCATE ledger_accounts CASCADE',
    'UPDATE credit_grants SET remaining = 1',
    "UPDATE credit_grants SET expires_at = now() + interval '1 year'",
    'DELETE FROM credit_grants',
    'UPDATE credit_positions SET funded = 1000000',
    'DELETE FROM credit_positions',
  ])('%s', async (statement) => {
    await ledger.grant(organizationId, 500n);
    await expect(admin.query(statement)).rejects.toThrow(/is refused/);
  });
});

describe('a hold', () => {
  it('charges what is posted and gives the rest back to its grant', async () => {
    const holdId = await hold(await ledger.grant(organizationId, 500n), 200n);
    expect(await ledger.stateOf(organizationId)).toMatchObject({
      balances: { prepaid_credit: '300', holds: '200' },
      position: { funded: '500', charged: '0' },
    });
    const posted = { ...facts(), kind: 'hold_posted', amountNanos: 150n } as const;
    expect(await ledger.endHold(organizationId, holdId, posted)).toBe(true);
    expect(await ledger.stateOf(organizationId)).toMatchObject({
      balances: { prepaid_credit: '350', holds: '0', revenue: '150' },
      grants: ['350'],
      position: { funded: '500', charged: '150' },
    });
  });

  it.each(['hold_voided', 'hold_expired'] as const)('that is %s gives all back', async (kind) => {
    const holdId = await hold(await ledger.grant(organizationId, 500n), 200n);
    expect(await ledger.endHold(organizationId, holdId, { ...facts(), kind })).toBe(true);
    expect(await ledger.stateOf(organizationId)).toMatchObject({
      balances: { prepaid_credit: '500', holds: '0' },
      grants: ['500'],
    });
  });

  it('ends once, however many end it at the same time', async () => {
    const holdId = await hold(await ledger.grant(organizationId, 500n), 200n);
    const kinds = ['hold_posted', 'hold_voided', 'hold_expired'] as const;
    const ended = await Promise.all(
      [...kinds, ...kinds].map((kind) =>
        ledger.endHold(organizationId, holdId, { ...facts(), kind }),
      ),
    );
    expect(ended.filter(Boolean)).toHaveLength(1);
    expect((await ledger.stateOf(organizationId)).balances).toMatchObject({ holds: '0' });
  });

  it('can’t be posted for more than it holds', async () => {
    const holdId = await hold(await ledger.grant(organizationId, 500n), 200n);
    const tooMuch = { ...facts(), kind: 'hold_posted', amountNanos: 201n } as const;
    await expect(ledger.endHold(organizationId, holdId, tooMuch)).rejects.toThrow(
      /floor_check|end/,
    );
  });

  it('is found once its time is over, until it has ended', async () => {
    const grantId = await ledger.grant(organizationId, 500n);
    const holdId = await hold(grantId, 200n, NOW);
    await hold(grantId, 100n);
    const due = async (at: Date) =>
      (await ledger.repository.expiredHoldsAcrossTenants(at, 100)).filter(
        (found) => found.organizationId === organizationId,
      );
    expect(await due(new Date(NOW.getTime() - 1))).toEqual([]);
    expect(await due(NOW)).toEqual([{ organizationId, id: holdId }]);
    await ledger.endHold(organizationId, holdId, { ...facts(), kind: 'hold_expired' });
    expect(await due(NOW)).toEqual([]);
  });
});

describe('spending credit', () => {
  const spend = (amountNanos: bigint, at = NOW) =>
    ledger.charge(organizationId, amountNanos, at, randomUUID());

  it('takes the grant that expires first, then the oldest, and owes the rest', async () => {
    const later = (days: number): Date => new Date(NOW.getTime() + days * 86_400_000);
    await ledger.grant(organizationId, 100n, { createdAt: later(-3) });
    await ledger.grant(organizationId, 100n, { createdAt: later(-2), expiresAt: later(9) });
    await ledger.grant(organizationId, 100n, { createdAt: later(-1), expiresAt: later(2) });
    await ledger.grant(organizationId, 100n, { createdAt: later(-4), expiresAt: later(-1) });
    const grants = async () => (await ledger.stateOf(organizationId)).grants;
    await spend(150n);
    expect(await grants()).toEqual(['100', '50', '0', '100']);
    await spend(200n);
    expect(await ledger.stateOf(organizationId)).toMatchObject({
      grants: ['0', '0', '0', '100'],
      balances: { revenue: '350', receivable: '-50' },
      position: { funded: '400', charged: '300' },
    });
  });

  it('charges nothing twice under one key', async () => {
    await ledger.grant(organizationId, 100n);
    for (const amount of [30n, 30n]) await ledger.charge(organizationId, amount, NOW, 'batch-1');
    expect((await ledger.stateOf(organizationId)).balances).toMatchObject({ revenue: '30' });
  });

  it('neither loses nor doubles anything when many do it at once', async () => {
    for (let index = 0; index < 5; index++) await ledger.grant(organizationId, 100n);
    await Promise.all(Array.from({ length: 20 }, () => spend(30n)));
    expect(await ledger.stateOf(organizationId)).toMatchObject({
      grants: ['0', '0', '0', '0', '0'],
      balances: { revenue: '600', receivable: '-100', prepaid_credit: '0' },
      position: { funded: '500', charged: '500' },
    });
  });

  it('charges nobody for an organization that is not there', async () => {
    await ledger.charge('org_nobody', 30n, NOW, 'k');
    const { rows } = await admin.query("SELECT FROM ledger_transfers WHERE cause = 'org_nobody'");
    expect(rows).toEqual([]);
  });
});
