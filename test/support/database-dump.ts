import pg from 'pg';

/** One table as text: a line for each row, in a fixed order. */
export type DumpedTable = {
  readonly schema: string;
  readonly table: string;
  readonly rows: string[];
};

/**
 * Everything that is stored, of every schema but PostgreSQL's own: what a thief of the database has. Rows are cast to
 * text by PostgreSQL itself, so `bytea` stands there in hex.
 */
export async function dumpDatabase(url: string): Promise<DumpedTable[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ schema: string; name: string }>(`
      SELECT nspname AS schema, relname AS name
        FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
       WHERE relkind IN ('r', 'm') AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
       ORDER BY 1, 2`);
    const dump: DumpedTable[] = [];
    for (const { schema, name } of tables) {
      const from = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
      const { rows } = await client.query<{ line: string }>(
        `SELECT stored::text AS line FROM ${from} AS stored ORDER BY 1`,
      );
      dump.push({ schema, table: name, rows: rows.map(({ line }) => line) });
    }
    return dump;
  } finally {
    await client.end();
  }
}
