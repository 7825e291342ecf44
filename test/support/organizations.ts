import pg from 'pg';

import { SCOPES } from '#common/auth/scopes.js';
import { newId } from '#common/ids/prefixed-id.js';
import { Secret } from '#common/secret/secret.js';
import { Pepper } from '#platform/crypto/pepper.js';
import { RootKey } from '#platform/crypto/root-key.js';

import { generateKeySecret } from '../../src/modules/keys/domain/key-secret.js';
import type { TestApp } from './app.js';

async function onDatabase<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export type SecondOrganization = {
  readonly id: string;
  /** An administrator's key. */
  readonly admin: string;
};

/**
 * Another organization with an administrator's key. Nothing of the API makes its first key, so that is written past it.
 * @param rootKey the installation's
 */
export async function foundOrganization(
  app: TestApp,
  rootKey: Buffer,
  name = 'Theirs',
): Promise<SecondOrganization> {
  const made = await app.call('POST', '/v1/organizations', { body: { name } });
  if (made.status !== 201) throw new Error(`No organization: ${JSON.stringify(made.body)}`);
  const { id: organization } = made.body as { id: string };
  const pepper = new Pepper(new RootKey(new Secret(rootKey)));
  const admin = generateKeySecret('pr', 'production').reveal();
  const key = newId('key');
  const digest = Buffer.from(pepper.digest(admin), 'latin1');
  await onDatabase(app.databaseUrl, async (client) => {
    await client.query(
      `INSERT INTO api_keys (id, organization_id, name, environment, access_level, scopes, policy, policy_sources, metadata)
       VALUES ($1, $2, 'Their admin', 'production', 'admin', $3, '{}', '{}', '{}')`,
      [key, organization, SCOPES],
    );
    await client.query(
      `INSERT INTO api_key_secrets (id, key_id, digest, scheme, prefix, last_four)
       VALUES ($1, $2, $3, $4, 'pr-live-', $5)`,
      [newId('secret'), key, digest, pepper.scheme, admin.slice(-4)],
    );
  });
  return { id: organization, admin };
}

export type Person = { readonly email?: string; readonly role?: string; readonly name?: string };

/** Somebody with an account who is a member of the organization. Answers their id. */
export async function insertMember(
  databaseUrl: string,
  organizationId: string,
  { role = 'developer', name = 'Ada', email }: Person = {},
): Promise<string> {
  const id = newId('user');
  await onDatabase(databaseUrl, async (client) => {
    await client.query(
      'INSERT INTO users (id, email, name, created_at, updated_at) VALUES ($1, $2, $3, now(), now())',
      [id, email ?? `${id.toLowerCase()}@example.com`, name],
    );
    await client.query(
      `INSERT INTO organization_members (organization_id, user_id, role, created_at, updated_at)
       VALUES ($1, $2, $3, now(), now())`,
      [organizationId, id, role],
    );
  });
  return id;
}
