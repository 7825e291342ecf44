import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import type { TransactionRunner } from '#platform/database/transaction-runner.js';

import { UsedNonces } from './used-nonces.store.js';

class FixedClock extends Clock {
  override now(): number {
    return 1_000;
  }
}

type Inserted = { keyId: string; hash: Buffer };

/** Answers an insert when it is told to, as PostgreSQL would with what it has. */
class FakeDatabase {
  readonly statements: Inserted[][] = [];
  readonly #stored = new Set<string>();
  #answers: ((error?: Error) => void)[] = [];

  sql(_: string, [keyIds, hashes]: [string[], Buffer[]]): Promise<Inserted[]> {
    const rows = keyIds.map((keyId, at) => ({ keyId, hash: hashes[at] as Buffer }));
    this.statements.push(rows);
    return new Promise((resolve, reject) => {
      this.#answers.push((error) => {
        if (error) reject(error);
        else resolve(rows.filter((row) => this.#isNew(row)));
      });
    });
  }

  async answer(error?: Error): Promise<void> {
    this.#answers.shift()?.(error);
    await vi.advanceTimersByTimeAsync(0);
  }

  #isNew({ keyId, hash }: Inserted): boolean {
    const before = this.#stored.size;
    return this.#stored.add(keyId + hash.toString('hex')).size > before;
  }
}

let database: FakeDatabase;
let nonces: UsedNonces;
beforeEach(() => {
  vi.useFakeTimers();
  database = new FakeDatabase();
  nonces = new UsedNonces(database as unknown as TransactionRunner, new FixedClock());
});
afterEach(() => vi.useRealTimers());

/** `used`, or the code of the refusal. */
function outcome(keyId: string, nonce: string): Promise<string> {
  return nonces.use(keyId, nonce, 60_000).then(
    () => 'used',
    (error: unknown) => (error as Partial<AppError>).code ?? String(error),
  );
}

describe('UsedNonces', () => {
  it('lets calls that come while an insert is under way share the next one', async () => {
    const outcomes = Array.from({ length: 600 }, (_, at) => outcome('key_1', `nonce ${at}`));
    await database.answer();
    await database.answer();
    await database.answer();
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['used']));
    expect(database.statements.map(({ length }) => length)).toEqual([1, 500, 99]);
  });

  it('gives one of many the nonce, in one statement and over several', async () => {
    const outcomes = ['n', 'x', 'n', 'n', 'x'].map((nonce) => outcome('key_1', nonce));
    const another = outcome('key_2', 'n');
    await database.answer();
    await database.answer();
    const late = outcome('key_1', 'x');
    await database.answer();
    expect(await Promise.all(outcomes)).toEqual([
      'used',
      'used',
      'nonce_replayed',
      'nonce_replayed',
      'nonce_replayed',
    ]);
    expect([await another, await late]).toEqual(['used', 'nonce_replayed']);
  });

  it('passes on that it could not be stored, and goes on', async () => {
    const failed = outcome('key_1', 'n');
    await database.answer(new Error('no database'));
    expect(await failed).toContain('no database');
    const next = outcome('key_1', 'n');
    await database.answer();
    expect(await next).toBe('used');
  });

  it('refuses within 5 s while nothing is answered, also who only waits for his turn', async () => {
    const outcomes = [outcome('key_1', 'first'), outcome('key_1', 'second')];
    await vi.advanceTimersByTimeAsync(4_999);
    expect(await Promise.all(outcomes)).toEqual(['service_unavailable', 'service_unavailable']);
    // Who has been refused is not inserted any more.
    await database.answer();
    expect(database.statements.flat()).toHaveLength(1);
  });

  it('refuses at once where too many wait', async () => {
    const outcomes = Array.from({ length: 10_002 }, (_, at) => outcome('key_1', `nonce ${at}`));
    expect(await outcomes.at(-1)).toBe('service_unavailable');
  });
});
