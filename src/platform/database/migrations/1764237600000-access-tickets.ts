import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Single-use tickets that stand for a secret of a key, for one path and a short time; only their hash is kept. */
export class AccessTickets1764237600000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE access_tickets (
        ticket_hash bytea PRIMARY KEY,
        organization_id text NOT NULL,
        secret_id text NOT NULL,
        path text NOT NULL,
        expires_at timestamptz(3) NOT NULL
      )`);
    await queryRunner.query(
      'CREATE INDEX access_tickets_expires_at ON access_tickets (expires_at)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE access_tickets');
  }
}
