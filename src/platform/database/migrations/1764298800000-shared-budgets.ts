import type { MigrationInterface, QueryRunner } from 'typeorm';

const SCOPES_BEFORE = ['key', 'each_key', 'organization'];
const SCOPES = [
  ...SCOPES_BEFORE.slice(0, 2),
  'user',
  'each_user',
  'team',
  'project',
  'organization',
];

/** Budgets of users, teams and projects, which are plain ids: who deletes one of those deletes its budgets with it. */
export class SharedBudgets1764298800000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await allow(queryRunner, SCOPES);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DELETE FROM budgets WHERE scope <> ALL ($1)', [SCOPES_BEFORE]);
    await allow(queryRunner, SCOPES_BEFORE);
  }
}

async function allow(queryRunner: QueryRunner, scopes: readonly string[]): Promise<void> {
  const list = scopes.map((scope) => `'${scope}'`).join(', ');
  await queryRunner.query(`
    ALTER TABLE budgets DROP CONSTRAINT budgets_scope_check,
      ADD CONSTRAINT budgets_scope_check CHECK (scope IN (${list}))`);
}
