import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { AsyncLocalStorage } from 'node:async_hooks';
import { DatabaseError, type PoolClient } from 'pg';
import { DataSource, type EntityManager, QueryFailedError, type QueryRunner } from 'typeorm';

type Scope = { readonly manager: EntityManager; readonly afterCommit: (() => void)[] };

/**
 * The only way to open a transaction. Repositories take {@link manager} and so are inside the current transaction by
 * themselves: a second connection within one request, and with it the deadlock of an exhausted pool, can't be written.
 */
@Injectable()
export class TransactionRunner {
  readonly #scopes = new AsyncLocalStorage<Scope>();
  #open = 0;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The current transaction's manager, or the pool's when there is none. */
  get manager(): EntityManager {
    return this.#scopes.getStore()?.manager ?? this.dataSource.manager;
  }

  /**
   * Runs `work` in a transaction (READ COMMITTED) and commits when it resolves. Inside another one it joins that.
   * Keep network, hashing and waiting out of `work`: it holds a connection.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#scopes.getStore()) return work();
    const afterCommit: Scope['afterCommit'] = [];
    const result = await this.#inScope((scoped) =>
      this.dataSource.transaction((manager) => scoped({ manager, afterCommit }, work)),
    );
    for (const callback of afterCommit) callback();
    return result;
  }

  /**
   * While any AsyncLocalStorage is in use, Node 20 tracks every promise and socket of the process, those of the hot
   * path too. So it is switched off whenever no transaction is open.
   */
  async #inScope<T>(
    open: (scoped: <R>(scope: Scope, work: () => Promise<R>) => Promise<R>) => Promise<T>,
  ): Promise<T> {
    this.#open++;
    try {
      return await open((scope, work) => this.#scopes.run(scope, work));
    } finally {
      if (--this.#open === 0) this.#scopes.disable();
    }
  }

  /**
   * Calls back once the current transaction is committed, never when it is rolled back; at once where there is none.
   * The callback must not throw: what it announces is already true.
   */
  afterCommit(callback: () => void): void {
    const scope = this.#scopes.getStore();
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
