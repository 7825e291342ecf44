import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * How usage is charged: `charge_usage` is called by the statement that stores a batch of usage
 * (src/modules/usage/usage-shipment.repository.ts), so that the one is never there without the other, in one round trip.
 */
export class UsageCharges1764356401000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(SPEND_CREDIT);
    await queryRunner.query(CHARGE_USAGE);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP FUNCTION charge_usage');
    await queryRunner.query('DROP FUNCTION ledger_spend_credit');
  }
}

/**
 * Takes up to `wanted` from the organization's grants that had not expired at `moment`: the one that expires first, then the
 * oldest. Answers what no credit was there for. The caller holds the ledger's lock.
 */
const SPEND_CREDIT = `
CREATE FUNCTION ledger_spend_credit(
  organization text, kind_of_transfer text, creditor text, wanted bigint, moment timestamptz, effective timestamptz,
  key text, because text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  missing bigint := wanted;
  part bigint;
  source record;
BEGIN
  FOR source IN
    SELECT id, kind, remaining FROM credit_grants
     WHERE organization_id = organization AND is_open AND (expires_at IS NULL OR expires_at > moment)
     ORDER BY expires_at, created_at, id
  LOOP
    part := least(missing, source.remaining);
    INSERT INTO ledger_transfers (
      organization_id, kind, debit, credit, amount, grant_id, idempotency_key, cause, effective_at
    ) VALUES (
      organization, kind_of_transfer, source.kind || '_credit', creditor, part, source.id,
      CASE WHEN missing = wanted THEN key ELSE key || '#' || source.id END, because, effective
    );
    missing := missing - part;
    EXIT WHEN missing = 0;
  END LOOP;
  RETURN missing;
END $$`;

/**
 * Charges what a batch of usage cost an organization on one day: from its credit, and what that does not cover as a debt, since
 * a provider may have counted more than was foreseen. Once for each \`key\`. An organization that is not there has no ledger:
 * nobody is charged, and \`latchkey ledger verify\` says so.
 */
const CHARGE_USAGE = `
CREATE FUNCTION charge_usage(
  organization text, nanos bigint, first_at timestamptz, last_at timestamptz, key text, batch text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  missing bigint;
BEGIN
  PERFORM FROM credit_positions WHERE organization_id = organization FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN 0; END IF;
  PERFORM FROM ledger_transfers WHERE organization_id = organization AND idempotency_key = key;
  IF FOUND THEN RETURN 0; END IF;
  missing := ledger_spend_credit(organization, 'usage', 'revenue', nanos, first_at, last_at, key, batch);
  IF missing > 0 THEN
    INSERT INTO ledger_transfers (
      organization_id, kind, debit, credit, amount, idempotency_key, cause, effective_at
    ) VALUES (
      organization, 'usage', 'receivable', 'revenue', missing,
      CASE WHEN missing = nanos THEN key ELSE key || '#receivable' END, batch, last_at
    );
  END IF;
  RETURN nanos;
END $$`;
