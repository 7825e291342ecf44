import pg from 'pg';

import type { Secret } from '#common/secret/secret.js';

import { checkLedger, type LedgerFinding } from './check-ledger.js';

/**
 * Looks at the whole ledger as it is at one moment, beside a running system. On a connection of its own: a large ledger takes
 * longer than a statement of the pool's may.
 */
export async function verifyLedger(databaseUrl: Secret): Promise<LedgerFinding[]> {
  const client = new pg.Client({
    connectionString: databaseUrl.reveal(),
    application_name: 'latchkey-ledger-verify',
  });
  await client.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    return await checkLedger(async (text) => (await client.query<LedgerFinding>(text)).rows);
  } finally {
    // Ending the session ends its transaction.
    await client.end();
  }
}
