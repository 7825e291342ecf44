/** What stands around each proof of gateways that share a database. */
import { afterAll, afterEach, beforeEach } from 'vitest';

import { endGateways } from '../support/gateway-process.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

export type Proof = {
  /** Of a database that is there for the running test alone. */
  readonly databaseUrl: string;
  /** Printed once all tests of the file are over. */
  readonly figures: string[];
};

/** Gives each test of a file a database of its own, and ends its gateways and the database after it. */
export function setUpProof(): Proof {
  const figures: string[] = [];
  let database: TestDatabase | null = null;
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await endGateways();
    await database?.drop();
  });
  afterAll(() => console.info(figures.join('\n')));
  return {
    figures,
    get databaseUrl() {
      if (!database) throw new Error('There is a database in tests only.');
      return database.url;
    },
  };
}
