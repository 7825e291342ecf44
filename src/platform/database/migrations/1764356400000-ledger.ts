import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The ledger (src/modules/billing/README.md). Transfers are all that anybody writes, and they are never changed; balances, what
 * is left of grants and positions are made of them by the database, in the same transaction, and can't be written otherwise.
 */
export class Ledger1764356400000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of [...TABLES, ...POSTING, ...GUARDS, ...OPENING]) {
      await queryRunner.query(statement);
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TRIGGER organizations_open_ledger ON organizations');
    for (const table of ['transfers', 'accounts']) {
      await queryRunner.query(`DROP TABLE ledger_${table} CASCADE`);
    }
    await queryRunner.query('DROP TABLE credit_grants');
    await queryRunner.query('DROP TABLE credit_positions');
    for (const name of [
      'open_ledger',
      'post_transfer',
      'lock_ledger',
      'end_hold',
      'refuse_change',
    ]) {
      await queryRunner.query(`DROP FUNCTION ledger_${name}()`);
    }
  }
}

const CREDITS = `('prepaid_credit', 'promotional_credit')`;
/** What is in the organization's hand: its credit, and what of it is held. */
const POOL = `('prepaid_credit', 'promotional_credit', 'holds')`;

/** Few rows that are updated several times a second: room in the page keeps updates off the indexes. */
const HOT = 'WITH (fillfactor = 50)';

const TABLES = [
  `CREATE TABLE ledger_accounts (
     organization_id text NOT NULL CONSTRAINT ledger_accounts_organization_fk REFERENCES organizations (id),
     currency text NOT NULL CONSTRAINT ledger_accounts_currency_check CHECK (currency = 'USD'),
     kind text NOT NULL
       CONSTRAINT ledger_accounts_kind_check CHECK (kind IN (
         'prepaid_credit', 'promotional_credit', 'holds', 'revenue', 'receivable', 'funding', 'expired'
       )),
     balance bigint NOT NULL DEFAULT 0,
     floor bigint,
     CONSTRAINT ledger_accounts_floor_check CHECK (balance >= floor),
     CONSTRAINT ledger_accounts_pkey PRIMARY KEY (organization_id, currency, kind)
   ) ${HOT}`,
  // What a grant has left is a column of its own that seldom changes: an index on the sum itself would be written each time.
  `CREATE TABLE credit_grants (
     id text PRIMARY KEY,
     organization_id text NOT NULL CONSTRAINT credit_grants_organization_fk REFERENCES organizations (id),
     kind text NOT NULL CONSTRAINT credit_grants_kind_check CHECK (kind IN ('prepaid', 'promotional')),
     amount bigint NOT NULL CONSTRAINT credit_grants_amount_check CHECK (amount > 0),
     remaining bigint NOT NULL DEFAULT 0,
     is_open boolean GENERATED ALWAYS AS (remaining > 0) STORED,
     reason text NOT NULL,
     expires_at timestamptz(3),
     granted_by text NOT NULL,
     created_at timestamptz(3) NOT NULL,
     CONSTRAINT credit_grants_remaining_check CHECK (remaining BETWEEN 0 AND amount),
     CONSTRAINT credit_grants_of_organization UNIQUE (organization_id, id)
   ) ${HOT}`,
  'CREATE INDEX credit_grants_listing ON credit_grants (organization_id, created_at, id)',
  `CREATE INDEX credit_grants_open ON credit_grants (organization_id, expires_at, created_at, id) WHERE is_open`,
  `CREATE INDEX credit_grants_due ON credit_grants (expires_at) WHERE is_open AND expires_at IS NOT NULL`,
  // funded - charged is what the pool holds, so neither credit nor holds can be less than nothing.
  `CREATE TABLE credit_positions (
     organization_id text PRIMARY KEY CONSTRAINT credit_positions_organization_fk REFERENCES organizations (id),
     funded bigint NOT NULL DEFAULT 0,
     charged bigint NOT NULL DEFAULT 0,
     uncharged_before numeric NOT NULL DEFAULT 0,
     opened_at timestamptz(3) NOT NULL DEFAULT now(),
     is_sign_up_credit_due boolean NOT NULL DEFAULT false,
     updated_at timestamptz(3) NOT NULL DEFAULT now(),
     CONSTRAINT credit_positions_check CHECK (charged >= 0 AND charged <= funded)
   ) ${HOT}`,
  `CREATE TABLE ledger_transfers (
     organization_id text NOT NULL,
     id bigint GENERATED ALWAYS AS IDENTITY,
     currency text NOT NULL DEFAULT 'USD',
     kind text NOT NULL,
     debit text NOT NULL,
     credit text NOT NULL,
     amount bigint NOT NULL CONSTRAINT ledger_transfers_amount_check CHECK (amount > 0),
     grant_id text,
     pending_id bigint,
     expires_at timestamptz(3)
       CONSTRAINT ledger_transfers_expires_at_check CHECK (expires_at IS NULL OR kind = 'hold'),
     idempotency_key text NOT NULL
       CONSTRAINT ledger_transfers_idempotency_key_check CHECK (length(idempotency_key) BETWEEN 1 AND 4096),
     cause text NOT NULL CONSTRAINT ledger_transfers_cause_check CHECK (length(cause) BETWEEN 1 AND 4096),
     effective_at timestamptz(3) NOT NULL,
     recorded_at timestamptz(3) NOT NULL DEFAULT now(),
     CONSTRAINT ledger_transfers_pkey PRIMARY KEY (organization_id, id),
     CONSTRAINT ledger_transfers_once UNIQUE (organization_id, idempotency_key),
     CONSTRAINT ledger_transfers_debit_fk FOREIGN KEY (organization_id, currency, debit)
       REFERENCES ledger_accounts (organization_id, currency, kind),
     CONSTRAINT ledger_transfers_credit_fk FOREIGN KEY (organization_id, currency, credit)
       REFERENCES ledger_accounts (organization_id, currency, kind),
     CONSTRAINT ledger_transfers_grant_fk FOREIGN KEY (organization_id, grant_id)
       REFERENCES credit_grants (organization_id, id),
     CONSTRAINT ledger_transfers_pending_fk FOREIGN KEY (organization_id, pending_id)
       REFERENCES ledger_transfers (organization_id, id),
     CONSTRAINT ledger_transfers_accounts_check CHECK (debit <> credit AND coalesce(CASE kind
       WHEN 'grant' THEN debit = 'funding' AND credit IN ${CREDITS}
       WHEN 'usage' THEN (debit IN ${CREDITS} OR debit = 'receivable') AND credit = 'revenue'
       WHEN 'settlement' THEN debit IN ${CREDITS} AND credit = 'receivable'
       WHEN 'expiry' THEN debit IN ${CREDITS} AND credit = 'expired'
       WHEN 'hold' THEN debit IN ${CREDITS} AND credit = 'holds'
       WHEN 'hold_posted' THEN debit = 'holds' AND credit = 'revenue'
       WHEN 'hold_released' THEN debit = 'holds' AND credit IN ${CREDITS}
       WHEN 'hold_voided' THEN debit = 'holds' AND credit IN ${CREDITS}
       WHEN 'hold_expired' THEN debit = 'holds' AND credit IN ${CREDITS}
       WHEN 'correction' THEN 'holds' NOT IN (debit, credit) AND NOT (debit IN ${CREDITS} AND credit IN ${CREDITS})
     END, false)),
     CONSTRAINT ledger_transfers_grant_check
       CHECK ((grant_id IS NOT NULL) = (debit IN ${CREDITS} OR credit IN ${CREDITS})),
     CONSTRAINT ledger_transfers_pending_check CHECK ((pending_id IS NOT NULL) = (debit = 'holds'))
   )`,
  `CREATE UNIQUE INDEX ledger_transfers_end ON ledger_transfers (organization_id, pending_id)
     WHERE kind IN ('hold_posted', 'hold_voided', 'hold_expired')`,
  'CREATE INDEX credit_positions_due ON credit_positions (organization_id) WHERE is_sign_up_credit_due',
  `CREATE INDEX ledger_transfers_holds ON ledger_transfers (expires_at) WHERE kind = 'hold'`,
];

/** What a transfer does. Each takes the lock of its organization's ledger first, so two of one organization can't deadlock. */
const POSTING = [
  `CREATE FUNCTION ledger_lock_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     PERFORM FROM credit_positions WHERE organization_id = NEW.organization_id FOR NO KEY UPDATE;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER ledger_transfers_lock BEFORE INSERT ON ledger_transfers
     FOR EACH ROW EXECUTE FUNCTION ledger_lock_ledger()`,
  `CREATE FUNCTION ledger_post_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
   DECLARE
     rows_posted integer;
     funding bigint;
   BEGIN
     UPDATE ledger_accounts
        SET balance = balance + CASE WHEN kind = NEW.credit THEN NEW.amount ELSE -NEW.amount END
      WHERE organization_id = NEW.organization_id AND currency = NEW.currency AND kind IN (NEW.debit, NEW.credit);
     IF NEW.grant_id IS NOT NULL THEN
       UPDATE credit_grants
          SET remaining = remaining + CASE WHEN kind || '_credit' = NEW.credit THEN NEW.amount ELSE -NEW.amount END
        WHERE organization_id = NEW.organization_id AND id = NEW.grant_id AND kind || '_credit' IN (NEW.debit, NEW.credit);
       GET DIAGNOSTICS rows_posted = ROW_COUNT;
       IF rows_posted <> 1 THEN
         RAISE EXCEPTION 'grant % is not of the account', NEW.grant_id USING ERRCODE = 'LK001';
       END IF;
     END IF;
     IF (NEW.credit IN ${POOL}) <> (NEW.debit IN ${POOL}) THEN
       funding := CASE WHEN NEW.credit IN ${POOL} THEN NEW.amount
                       WHEN NEW.credit IN ('revenue', 'receivable') THEN 0
                       ELSE -NEW.amount END;
       UPDATE credit_positions
          SET funded = funded + funding,
              charged = charged + CASE WHEN NEW.debit IN ${POOL} AND NEW.credit IN ('revenue', 'receivable')
                                       THEN NEW.amount ELSE 0 END,
              updated_at = now()
        WHERE organization_id = NEW.organization_id;
       -- What calls may take of.
       IF funding <> 0 THEN
         PERFORM fund_credit(NEW.organization_id, funding);
       END IF;
     END IF;
     RETURN NULL;
   END $$`,
  `CREATE TRIGGER ledger_transfers_post AFTER INSERT ON ledger_transfers
     FOR EACH ROW EXECUTE FUNCTION ledger_post_transfer()`,
  // A hold ends whole: what is posted is charged, and the rest goes back to its grant at once.
  `CREATE FUNCTION ledger_end_hold() RETURNS trigger LANGUAGE plpgsql AS $$
   DECLARE
     held ledger_transfers;
     posted bigint;
   BEGIN
     SELECT * INTO held FROM ledger_transfers WHERE organization_id = NEW.organization_id AND id = NEW.pending_id;
     SELECT amount INTO posted FROM ledger_transfers
      WHERE organization_id = NEW.organization_id AND pending_id = NEW.pending_id AND kind = 'hold_posted';
     IF held.kind IS DISTINCT FROM 'hold'
        OR NEW.grant_id IS NOT NULL AND (NEW.grant_id, NEW.credit) IS DISTINCT FROM (held.grant_id, held.debit)
        OR NEW.amount IS DISTINCT FROM (CASE NEW.kind WHEN 'hold_posted' THEN least(NEW.amount, held.amount)
                                                      WHEN 'hold_released' THEN held.amount - posted
                                                      ELSE held.amount END) THEN
       RAISE EXCEPTION 'transfer % does not end hold %', NEW.id, NEW.pending_id USING ERRCODE = 'LK002';
     END IF;
     IF NEW.kind = 'hold_posted' AND NEW.amount < held.amount THEN
       INSERT INTO ledger_transfers (
         organization_id, currency, kind, debit, credit, amount, grant_id, pending_id, idempotency_key, cause, effective_at
       ) VALUES (
         NEW.organization_id, NEW.currency, 'hold_released', 'holds', held.debit, held.amount - NEW.amount, held.grant_id,
         held.id, 'released:' || held.id, NEW.cause, NEW.effective_at
       );
     END IF;
     RETURN NULL;
   END $$`,
  `CREATE TRIGGER ledger_transfers_end_hold AFTER INSERT ON ledger_transfers
     FOR EACH ROW WHEN (NEW.pending_id IS NOT NULL) EXECUTE FUNCTION ledger_end_hold()`,
];

/** What nobody may do: a correction is a new transfer, and sums follow from transfers alone. */
const GUARDS = [
  `CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     RAISE EXCEPTION '% of % is refused: write a transfer', TG_OP, TG_TABLE_NAME USING ERRCODE = 'LK003';
   END $$`,
  `CREATE TRIGGER ledger_transfers_immutable BEFORE UPDATE OR DELETE ON ledger_transfers
     FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change()`,
  ...['ledger_transfers', 'ledger_accounts', 'credit_grants', 'credit_positions'].map(
    (table) => `CREATE TRIGGER ${table}_kept BEFORE TRUNCATE ON ${table}
     FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change()`,
  ),
  ...['ledger_accounts', 'credit_grants'].map(
    (table) => `CREATE TRIGGER ${table}_posted BEFORE UPDATE OR DELETE ON ${table}
     FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger_refuse_change()`,
  ),
  `CREATE TRIGGER credit_positions_posted BEFORE UPDATE OF funded, charged, uncharged_before OR DELETE ON credit_positions
     FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger_refuse_change()`,
];

const ACCOUNTS = `
  INSERT INTO ledger_accounts (organization_id, currency, kind, floor)
  SELECT organization.id, 'USD', account.kind, account.floor
    FROM (VALUES ('prepaid_credit', 0), ('promotional_credit', 0), ('holds', 0), ('revenue', 0), ('expired', 0),
                 ('receivable', NULL), ('funding', NULL)) AS account (kind, floor)`;

/**
 * Every organization has a ledger from its first moment, whoever makes it. Of those that are there already, what was used before is
 * not charged, and the sign-up credit is given to them later: what that is, only the configuration says.
 */
const OPENING = [
  `CREATE FUNCTION ledger_open_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     INSERT INTO credit_positions (organization_id) VALUES (NEW.id);
     ${ACCOUNTS}, (SELECT NEW.id) AS organization;
     RETURN NULL;
   END $$`,
  `CREATE TRIGGER organizations_open_ledger AFTER INSERT ON organizations
     FOR EACH ROW EXECUTE FUNCTION ledger_open_ledger()`,
  // Until this is committed nothing is shipped: each call is either in the sum, or charged.
  'LOCK TABLE key_usage_totals IN SHARE MODE',
  `INSERT INTO credit_positions (organization_id, is_sign_up_credit_due, uncharged_before)
   SELECT id, true, coalesce((SELECT sum(cost_nanos) FROM key_usage_totals WHERE organization_id = organizations.id), 0)
     FROM organizations`,
  `${ACCOUNTS}, organizations AS organization`,
];
