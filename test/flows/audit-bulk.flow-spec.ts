import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type AuditLog, openAuditLog } from '../support/audit-log.js';

const ORGANIZATION = 'org_bulk';

let log: AuditLog;
beforeAll(async () => {
  log = await openAuditLog();
  await log.sql('CREATE TABLE marks (name text NOT NULL)');
  await log.sql('CREATE TABLE statements (at timestamptz NOT NULL DEFAULT now())');
  await log.sql(`
    CREATE FUNCTION count_statement() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO statements DEFAULT VALUES; RETURN NULL; END'`);
  await log.sql(`
    CREATE TRIGGER counted AFTER INSERT ON audit_entries
      FOR EACH STATEMENT EXECUTE FUNCTION count_statement()`);
});
afterAll(() => log.close());
beforeEach(async () => {
  await log.sql('TRUNCATE audit_entries, marks, statements');
});

const mark = (name: string) => log.sql('INSERT INTO marks VALUES ($1)', [name]);

async function namesIn(text: string): Promise<string[]> {
  return (await log.sql<{ name: string }>(text)).map(({ name }) => name);
}

const entries = (): Promise<string[]> =>
  namesIn(`SELECT after ->> 'name' AS name FROM audit_entries ORDER BY position`);

/** A change of many things, which are each written down. */
function change(names: readonly string[]): Promise<void> {
  return log.transactions.run(async () => {
    for (const name of names) {
      await mark(name);
      await log.append(ORGANIZATION, name);
    }
  });
}

describe('the entries of one transaction', () => {
  it('are written in their order, with few statements', async () => {
    const names = Array.from({ length: 600 }, (_, at) => `n${at}`);
    await change(names);
    expect(await entries()).toEqual(names);
    expect(await log.sql('SELECT FROM statements')).toHaveLength(3);
  });

  it('undo all of it where they can’t be written, also at its very end', async () => {
    await log.sql(`
      ALTER TABLE audit_entries ADD CONSTRAINT refusing CHECK (after ->> 'name' <> 'unwritable')`);
    try {
      await expect(change(['a', 'b', 'unwritable'])).rejects.toThrow('refusing');
    } finally {
      await log.sql('ALTER TABLE audit_entries DROP CONSTRAINT refusing');
    }
    expect(await namesIn('SELECT name FROM marks')).toEqual([]);
    expect(await entries()).toEqual([]);
  });

  it('are none of another that runs at the same time', async () => {
    let goOn = (): void => undefined;
    const isTime = new Promise<void>((resolve) => (goOn = resolve));
    const failing = log.transactions.run(async () => {
      await log.append(ORGANIZATION, 'undone');
      await isTime;
      throw new Error('the change is not done');
    });
    const refused = expect(failing).rejects.toThrow('the change is not done');
    await change(['done', 'as well']);
    await log.append(ORGANIZATION, 'by itself');
    goOn();
    await refused;
    expect(await entries()).toEqual(['done', 'as well', 'by itself']);
  });

  it('are also those that are written while it ends', async () => {
    await log.transactions.run(async () => {
      await log.append(ORGANIZATION, 'first');
      log.transactions.beforeCommit(() => log.append(ORGANIZATION, 'last'));
    });
    expect(await entries()).toEqual(['first', 'last']);
  });
});
