import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Clock } from '#common/time/clock.js';
import { CreditGrantRepository } from '#modules/billing/credits/credit-grant.repository.js';
import { ExpireCreditsService } from '#modules/billing/credits/expire-credits.service.js';
import { ExpireGrantService } from '#modules/billing/credits/expire-grant.service.js';
import { PostgresCreditFunds } from '#modules/limits/store/postgres.credit-funds.js';
import { Actors, jobActor } from '#platform/audit-trail/actor.js';
import { type AuditEvent, AuditTrail } from '#platform/audit-trail/audit-trail.port.js';

import { LedgerHarness } from './ledger.harness.js';

const NOW = Date.UTC(2026, 10, 28, 12);
const at = (hours: number): Date => new Date(NOW + hours * 3_600_000);

class Log extends AuditTrail {
  readonly events: AuditEvent[] = [];
  override append(event: AuditEvent): Promise<void> {
    this.events.push(event);
    return Promise.resolve();
  }
}
class StandingClock extends Clock {
  override now(): number {
    return NOW;
  }
}

let ledger: LedgerHarness;
const log = new Log();

beforeAll(async () => {
  ledger = await LedgerHarness.start();
});
afterAll(() => ledger.stop());

/** What calls use and hold, as the store of limits has it. */
async function callsHave(organizationId: string, nanos: bigint): Promise<void> {
  const text = 'UPDATE allowance_windows SET total = $2 WHERE organization_id = $1';
  await ledger.admin.query(text, [organizationId, nanos]);
}

/** What another process does at the same time has the same clock. */
async function expireAll(maxRows = 100): Promise<void> {
  const { transactions, repository } = ledger;
  const grants = new CreditGrantRepository(transactions);
  const expireGrant = new ExpireGrantService(
    grants,
    repository,
    new PostgresCreditFunds(transactions),
    log,
  );
  const [actors, clock] = [new Actors(), new StandingClock()];
  const rest = [transactions, actors, clock] as const;
  const service = new ExpireCreditsService(grants, repository, expireGrant, ...rest);
  await service.expireDue(maxRows, jobActor('spec'), new AbortController().signal);
}

describe('credit whose time is over', () => {
  it('is taken back once, and nothing else is, however many do so at once', async () => {
    const id = await ledger.newOrganization();
    const due = await ledger.grant(id, 100n, { kind: 'promotional', expiresAt: at(0) });
    await ledger.grant(id, 100n, { expiresAt: at(1) });
    await ledger.grant(id, 100n);
    await Promise.all([expireAll(), expireAll(), expireAll()]);
    expect(await ledger.stateOf(id)).toMatchObject({
      grants: ['100', '100', '0'],
      balances: { promotional_credit: '0', prepaid_credit: '200', expired: '100' },
      position: { funded: '200', charged: '0' },
    });
    const told = log.events.filter(({ organizationId }) => organizationId === id);
    expect(told).toMatchObject([
      { action: 'credit_grant.expired', target: { id: due }, details: { expired_amount: 1e-7 } },
    ]);
  });

  it('pays for what was used before, though that is charged later', async () => {
    const id = await ledger.newOrganization();
    await ledger.grant(id, 100n, { expiresAt: at(0) });
    await ledger.charge(id, 30n, at(-1), randomUUID());
    await ledger.charge(id, 30n, at(0), randomUUID());
    await expireAll();
    expect(await ledger.stateOf(id)).toMatchObject({
      balances: { revenue: '60', receivable: '-30', expired: '70' },
      position: { funded: '30', charged: '30' },
    });
  });

  it('pays what is owed for calls that had taken of it in time', async () => {
    const id = await ledger.newOrganization();
    await ledger.grant(id, 100n, { expiresAt: at(0) });
    await callsHave(id, 60n);
    await ledger.charge(id, 30n, at(-1), randomUUID());
    await ledger.charge(id, 20n, at(0), randomUUID());
    await expireAll();
    // A call still holds 10.
    expect(await ledger.stateOf(id)).toMatchObject({
      grants: ['10'],
      balances: { revenue: '50', receivable: '0', expired: '40' },
    });
    await callsHave(id, 50n);
    await expireAll();
    expect(await ledger.stateOf(id)).toMatchObject({
      grants: ['0'],
      balances: { revenue: '50', receivable: '0', expired: '50' },
      position: { funded: '50', charged: '50' },
    });
  });

  it('stays as long as calls under way hold it, and goes with what they give back', async () => {
    const id = await ledger.newOrganization();
    await ledger.grant(id, 100n, { expiresAt: at(0) });
    const expired = async () => (await ledger.stateOf(id)).balances.expired;
    for (const [nanos, gone] of [
      [150n, '0'],
      [60n, '40'],
      [60n, '40'],
    ] as const) {
      await callsHave(id, nanos);
      await expireAll();
      expect(await expired()).toBe(gone);
    }
    await ledger.charge(id, 10n, at(-1), randomUUID());
    await callsHave(id, 10n);
    await expireAll();
    expect(await ledger.stateOf(id)).toMatchObject({ grants: ['0'], balances: { expired: '90' } });
  });

  it('is found behind any number of grants that can’t be taken back', async () => {
    const blocked = await ledger.newOrganization();
    const id = await ledger.newOrganization();
    for (let index = 0; index < 5; index++) {
      await ledger.grant(blocked, 1n, { expiresAt: at(-2) });
    }
    await ledger.grant(id, 100n, { expiresAt: at(-1) });
    await callsHave(blocked, 5n);
    await expireAll(2);
    expect((await ledger.stateOf(blocked)).balances.expired).toBe('0');
    expect((await ledger.stateOf(id)).balances.expired).toBe('100');
  });
});

describe('a hold whose time is over', () => {
  it('goes back to its grant', async () => {
    const id = await ledger.newOrganization();
    const grantId = await ledger.grant(id, 100n);
    for (const [expiresAt, idempotencyKey] of [
      [at(0), 'due'],
      [at(1), 'later'],
    ] as const) {
      await ledger.repository.transfer(id, {
        kind: 'hold',
        debit: 'prepaid_credit',
        credit: 'holds',
        amountNanos: 40n,
        grantId,
        expiresAt,
        idempotencyKey,
        cause: 'spec',
        effectiveAt: at(-1),
      });
    }
    await Promise.all([expireAll(), expireAll()]);
    expect((await ledger.stateOf(id)).balances).toMatchObject({
      prepaid_credit: '60',
      holds: '40',
    });
  });
});
