import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { RootKey } from './root-key.js';
import { SealedBox, UnsealError } from './sealed-box.js';

const PLACE = { table: 'installation', column: 'sealed_canary', row: '1' };
const CANARY = 'latchkey';

/** The secret key is not the one that this database was set up with. */
export class WrongSecretKeyError extends Error {
  constructor() {
    super(
      'LATCHKEY_SECRET_KEY is not the key that this database was set up with: no stored secret could be read. Start with the right one.',
    );
    this.name = 'WrongSecretKeyError';
  }
}

/** Notices a wrong secret key at start, before anything is served or written with it. */
@Injectable()
export class InstallationCanary {
  readonly #box: SealedBox;

  constructor(
    private readonly transactions: TransactionRunner,
    rootKey: RootKey,
  ) {
    this.#box = new SealedBox(rootKey, 'canary');
  }

  /**
   * Leaves the canary at the first start ever, and opens it at every other.
   * @throws {WrongSecretKeyError}
   */
  async check(): Promise<void> {
    await this.transactions.sql(
      'INSERT INTO installation (id, sealed_canary) VALUES (1, $1) ON CONFLICT (id) DO NOTHING',
      [this.#box.seal(CANARY, PLACE)],
    );
    const [row] = await this.transactions.sql<{ sealed_canary: Buffer }>(
      'SELECT sealed_canary FROM installation WHERE id = 1',
    );
    try {
      if (row && this.#box.open(row.sealed_canary, PLACE) === CANARY) return;
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error;
    }
    throw new WrongSecretKeyError();
  }
}
