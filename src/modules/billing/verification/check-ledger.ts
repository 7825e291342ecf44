/** What is wrong with an organization's ledger; README.md and docs/billing.md say what each means. */
export type LedgerFinding = {
  readonly finding: string;
  readonly organizationId: string;
  /** What it is about: an account, a grant, a hold, a day. */
  readonly subject: string;
  /** What stands there. */
  readonly found: string;
  /** What should, by the transfers or by usage. */
  readonly expected: string;
};

/** Runs a statement in the one snapshot that is looked at. */
export type SnapshotQuery = (text: string) => Promise<LedgerFinding[]>;

/** So that a broken ledger fills no memory. */
const MAX_FINDINGS = 100;

const finding = (name: string, columns: string, rest: string): string => `
  SELECT '${name}' AS finding, ${columns} ${rest} ORDER BY 2, 3 LIMIT ${MAX_FINDINGS}`;

const named = (organization: string, subject: string, found: string, expected: string): string =>
  `${organization} AS "organizationId", (${subject})::text AS subject,
   (${found})::text AS found, (${expected})::text AS expected`;

/** Each account's own transfers, summed up. */
const SUMS = `
  LEFT JOIN LATERAL (
    SELECT coalesce(sum(CASE WHEN credit = account.kind THEN amount ELSE -amount END), 0) AS balance
      FROM ledger_transfers
     WHERE organization_id = account.organization_id AND currency = account.currency
       AND account.kind IN (debit, credit)
  ) AS sums ON true`;

const GRANT_SUMS = `
  LEFT JOIN LATERAL (
    SELECT coalesce(sum(CASE WHEN credit = credit_grants.kind || '_credit' THEN amount ELSE -amount END), 0) AS remaining
      FROM ledger_transfers
     WHERE organization_id = credit_grants.organization_id AND grant_id = credit_grants.id
  ) AS sums ON true`;

const POOL = `('prepaid_credit', 'promotional_credit', 'holds')`;
const POSITIONS = `
  LEFT JOIN LATERAL (
    SELECT coalesce(sum(amount) FILTER (WHERE credit IN ${POOL}), 0)
             - coalesce(sum(amount) FILTER (WHERE debit IN ${POOL} AND credit NOT IN ('revenue', 'receivable')), 0) AS funded,
           coalesce(sum(amount) FILTER (WHERE debit IN ${POOL} AND credit IN ('revenue', 'receivable')), 0) AS charged
      FROM ledger_transfers
     WHERE organization_id = position.organization_id AND (debit IN ${POOL}) <> (credit IN ${POOL})
  ) AS sums ON true`;

const CHECKS: readonly string[] = [
  finding(
    'ledger_not_zero',
    named('organization_id', 'currency', 'sum(balance)', '0'),
    'FROM ledger_accounts GROUP BY organization_id, currency HAVING sum(balance) <> 0',
  ),
  finding(
    'balance_wrong',
    named('account.organization_id', 'account.kind', 'account.balance', 'sums.balance'),
    `FROM ledger_accounts AS account ${SUMS} WHERE account.balance <> sums.balance`,
  ),
  finding(
    'below_floor',
    named('organization_id', 'kind', 'balance', 'floor'),
    'FROM ledger_accounts WHERE balance < floor',
  ),
  finding(
    'hold_not_whole',
    named('hold.organization_id', 'hold.id', 'sum(part.amount)', 'hold.amount'),
    `FROM ledger_transfers AS hold
     JOIN ledger_transfers AS part ON part.organization_id = hold.organization_id AND part.pending_id = hold.id
    GROUP BY hold.organization_id, hold.id, hold.amount
   HAVING sum(part.amount) <> hold.amount
       OR count(*) FILTER (WHERE part.kind <> 'hold_released') <> 1`,
  ),
  finding(
    'grant_wrong',
    named('organization_id', 'id', 'credit_grants.remaining', 'sums.remaining'),
    `FROM credit_grants ${GRANT_SUMS} WHERE credit_grants.remaining <> sums.remaining`,
  ),
  finding(
    'position_wrong',
    named(
      'position.organization_id',
      `'funded, charged'`,
      `position.funded || ', ' || position.charged`,
      `sums.funded || ', ' || sums.charged`,
    ),
    `FROM credit_positions AS position ${POSITIONS}
      WHERE (position.funded, position.charged) IS DISTINCT FROM (sums.funded, sums.charged)`,
  ),
  finding(
    'allowance_wrong',
    named(
      'position.organization_id',
      `'funded'`,
      'coalesce(allowance.funded, 0)',
      'position.funded',
    ),
    `FROM credit_positions AS position
     LEFT JOIN allowance_windows AS allowance
       ON allowance.allowance = 'organization:' || position.organization_id || ':credit:none'
    WHERE coalesce(allowance.funded, 0) <> position.funded`,
  ),
  finding(
    'usage_not_charged',
    named('position.organization_id', `'usage'`, 'charged.nanos', 'used.nanos'),
    `FROM credit_positions AS position
     CROSS JOIN LATERAL (
       SELECT coalesce(sum(amount), 0) AS nanos FROM ledger_transfers
        WHERE organization_id = position.organization_id AND kind = 'usage') AS charged
     CROSS JOIN LATERAL (
       SELECT coalesce(sum(cost_nanos), 0) - position.uncharged_before AS nanos FROM key_usage_totals
        WHERE organization_id = position.organization_id) AS used
    WHERE charged.nanos <> used.nanos`,
  ),
  finding(
    'usage_of_nobody',
    named('organization_id', `'usage'`, '0', 'sum(cost_nanos)'),
    `FROM key_usage_totals
      WHERE NOT EXISTS (SELECT FROM credit_positions WHERE organization_id = key_usage_totals.organization_id)
      GROUP BY organization_id HAVING sum(cost_nanos) > 0`,
  ),
];

/** At most a hundred findings of each kind; none where all sums agree. */
export async function checkLedger(query: SnapshotQuery): Promise<LedgerFinding[]> {
  const findings: LedgerFinding[] = [];
  for (const check of CHECKS) findings.push(...(await query(check)));
  return findings;
}
