import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import type { Secret } from '#common/secret/secret.js';

import { dataSourceOptions } from './data-source.js';
import { TransactionRunner } from './transaction-runner.js';

/** DI token of the database's URL (a `Secret`), for what must hold a connection of its own. */
export const DATABASE_URL = Symbol('database.url');

@Global()
@Module({})
export class DatabaseModule {
  /** The schema must be up to date: see `migrate`. */
  static forRoot(databaseUrl: Secret): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRoot({
          ...dataSourceOptions(databaseUrl),
          autoLoadEntities: true,
          retryAttempts: 0,
        }),
      ],
      providers: [TransactionRunner, { provide: DATABASE_URL, useValue: databaseUrl }],
      exports: [TransactionRunner, DATABASE_URL],
    };
  }
}
