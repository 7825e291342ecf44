import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { DataSource } from 'typeorm';

import { Secret } from '#common/secret/secret.js';
import { LedgerRepository } from '#modules/billing/ledger/ledger.repository.js';
import type { HoldEnd } from '#modules/billing/ledger/transfer.js';
import { dataSourceOptions } from '#platform/database/data-source.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { createTestDatabase } from '../support/postgres.js';

export type LedgerState = {
  readonly balances: Readonly<Record<string, string>>;
  /** What is left of each: first those that don’t expire, by age, then those that expire last. */
  readonly grants: readonly string[];
  readonly position: { readonly funded: string; readonly charged: string };
};

export type GrantFacts = {
  readonly kind?: 'prepaid' | 'promotional';
  readonly createdAt?: Date;
  readonly expiresAt?: Date | null;
};

/** The ledger of a database of its own, without an application around it. */
export class LedgerHarness {
  readonly repository: LedgerRepository;

  private constructor(
    private readonly database: Awaited<ReturnType<typeof createTestDatabase>>,
    readonly admin: pg.Pool,
    private readonly dataSource: DataSource,
    readonly transactions: TransactionRunner,
  ) {
    this.repository = new LedgerRepository(transactions);
  }

  static async start(): Promise<LedgerHarness> {
    const database = await createTestDatabase();
    const admin = new pg.Pool({ connectionString: database.url });
    const dataSource = new DataSource(dataSourceOptions(new Secret(database.url)));
    await dataSource.initialize();
    const transactions = new TransactionRunner(dataSource);
    return new LedgerHarness(database, admin, dataSource, transactions);
  }

  async stop(): Promise<void> {
    await this.dataSource.destroy();
    await this.admin.end();
    await this.database.drop();
  }

  get url(): string {
    return this.database.url;
  }

  async newOrganization(): Promise<string> {
    const id = `org_${randomUUID()}`;
    await this.admin.query('INSERT INTO organizations (id, name) VALUES ($1, $1)', [id]);
    return id;
  }

  async grant(organizationId: string, amountNanos: bigint, facts: GrantFacts = {}) {
    const { kind = 'prepaid', createdAt = new Date(), expiresAt = null } = facts;
    const id = `grant_${randomUUID()}`;
    await this.transactions.run(async () => {
      await this.transactions.sql(
        `INSERT INTO credit_grants (id, organization_id, kind, amount, reason, expires_at, granted_by, created_at)
         VALUES ($1, $2, $3, $4, 'test', $5, 'test', $6)`,
        [id, organizationId, kind, amountNanos, expiresAt, createdAt],
      );
      await this.repository.transfer(organizationId, {
        kind: 'grant',
        debit: 'funding',
        credit: `${kind}_credit`,
        amountNanos,
        grantId: id,
        idempotencyKey: `grant:${id}`,
        cause: id,
        effectiveAt: createdAt,
      });
    });
    return id;
  }

  endHold(organizationId: string, holdId: string, end: HoldEnd): Promise<boolean> {
    return this.transactions.run(() => this.repository.endHold(organizationId, holdId, end));
  }

  /** As the statement that stores a batch does. */
  async charge(organizationId: string, nanos: bigint, at: Date, key: string): Promise<void> {
    await this.transactions.sql('SELECT charge_usage($1, $2, $3, $3, $4, $1)', [
      organizationId,
      nanos,
      at,
      key,
    ]);
  }

  async stateOf(organizationId: string): Promise<LedgerState> {
    const of = async <Row extends pg.QueryResultRow>(text: string): Promise<Row[]> =>
      (await this.admin.query<Row>(text, [organizationId])).rows;
    const accounts = await of<{ kind: string; balance: string }>(
      'SELECT kind, balance FROM ledger_accounts WHERE organization_id = $1',
    );
    const grants = await of<{ remaining: string }>(
      `SELECT remaining FROM credit_grants WHERE organization_id = $1
        ORDER BY expires_at DESC NULLS FIRST, created_at, id`,
    );
    const [position] = await of<LedgerState['position']>(
      'SELECT funded, charged FROM credit_positions WHERE organization_id = $1',
    );
    if (!position) throw new Error(`${organizationId} has no ledger.`);
    return {
      balances: Object.fromEntries(accounts.map(({ kind, balance }) => [kind, balance])),
      grants: grants.map(({ remaining }) => remaining),
      position,
    };
  }
}
