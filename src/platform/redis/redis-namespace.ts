import type { TransactionRunner } from '#platform/database/transaction-runner.js';

/**
 * A name for this database, by which installations that share one Redis stay apart. It comes from the database and not
 * from its URL: two processes may reach one database by different addresses, and they must hear each other.
 */
export async function redisNamespace(transactions: TransactionRunner): Promise<string> {
  const [row] = await transactions.sql<{ cluster: string; database: string }>(`
    SELECT system_identifier::text AS cluster, oid::text AS database
    FROM pg_control_system(), pg_database
    WHERE datname = current_database()`);
  if (!row) throw new Error('PostgreSQL does not know its current database.');
  return `latchkey:${row.cluster}-${row.database}`;
}
