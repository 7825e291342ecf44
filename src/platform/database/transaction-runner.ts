import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DatabaseError, type PoolClient } from 'pg';
import { DataSource, type EntityManager, QueryFailedError, type QueryRunner } from 'typeorm';

import { ContextStorage } from '#common/context/context-storage.js';

type Scope = {
  readonly manager: EntityManager;
  readonly beforeCommit: (() => Promise<void>)[];
  readonly afterCommit: (() => void)[];
};

/**
 * The only way to open a transaction. Repositories take {@link manager} and so are inside the current transaction by
 * themselves: a second connection within one request, and with it the deadlock of an exhausted pool, can't be written.
 */
@Injectable()
export class TransactionRunner {
  readonly #scopes = new ContextStorage<Scope>();

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The current transaction's manager, or the pool's when there is none. */
  get manager(): EntityManager {
    return this.#scopes.current?.manager ?? this.dataSource.manager;
  }

  /**
   * Runs `work` in a transaction (READ COMMITTED) and commits when it resolves. Inside another one it joins that.
   * Keep network, hashing and waiting out of `work`: it holds a connection.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#scopes.current) return work();
    const [beforeCommit, afterCommit]: [Scope['beforeCommit'], Scope['afterCommit']] = [[], []];
    const result = await this.dataSource.transaction((manager) =>
      this.#scopes.run({ manager, beforeCommit, afterCommit }, async () => {
        const outcome = await work();
        // What one of them puts off is done as well.
        for (const step of beforeCommit) await step();
        return outcome;
      }),
    );
    for (const callback of afterCommit) callback();
    return result;
  }

  get isOpen(): boolean {
    return this.#scopes.current !== undefined;
  }

  /**
   * Puts `step` off to the end of the current transaction, of which it is part: where it fails, all is rolled back. For what many
   * calls can do as one.
   * @throws {Error} where there is no transaction: a mistake in the program
   */
  beforeCommit(step: () => Promise<void>): void {
    const scope = this.#scopes.current;
    if (!scope) throw new Error('There is no transaction to put this off to the end of.');
    scope.beforeCommit.push(step);
  }

  /**
   * Calls back once the current transaction is committed, never when it is rolled back; at once where there is none.
   * The callback must not throw: what it announces is already true.
   */
  afterCommit(callback: () => void): void {
    const scope = this.#scopes.current;
    if (scope) scope.afterCommit.push(callback);
    else callback();
  }

  /**
   * As {@link sql}, of a long statement that runs often: each connection plans it once.
   * @param name a constant of its own for each text
   */
  async preparedSql<Row>(
    name: string,
    query: string,
    parameters: readonly unknown[],
  ): Promise<Row[]> {
    return this.#onConnection(async (runner) => {
      const client = (await runner.connect()) as Pick<PoolClient, 'query'>;
      try {
        const { rows } = await client.query({ name, text: query, values: [...parameters] });
        return rows as Row[];
      } catch (error) {
        throw error instanceof DatabaseError
          ? new QueryFailedError(query, [...parameters], error)
          : error;
      }
    });
  }

  /** Runs parameterised SQL on the current manager and answers the rows that it returns. */
  async sql<Row>(query: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    return this.#onConnection(
      async (runner) => (await runner.query(query, [...parameters], true)).records as Row[],
    );
  }

  /** On the current transaction's connection, or on one of the pool's. */
  async #onConnection<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    const current = this.manager.queryRunner;
    if (current) return work(current);
    const runner = this.dataSource.createQueryRunner();
    try {
      return await work(runner);
    } finally {
      await runner.release();
    }
  }
}
