import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Signing secrets of keys, and the nonces of signed requests. */
export class RequestSigning1764208800000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE api_keys ADD COLUMN sealed_signing_secret bytea');
    // The primary key is what makes one of many parallel replays the first.
    await queryRunner.query(`
      CREATE TABLE used_nonces (
        key_id text NOT NULL,
        nonce_hash bytea NOT NULL,
        expires_at timestamptz(3) NOT NULL,
        PRIMARY KEY (key_id, nonce_hash)
      )`);
    await queryRunner.query('CREATE INDEX used_nonces_expires_at ON used_nonces (expires_at)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE used_nonces');
    await queryRunner.query('ALTER TABLE api_keys DROP COLUMN sealed_signing_secret');
  }
}
