import { randomBytes } from 'node:crypto';

import { type Answer, startTestApp, type TestApp } from '../../support/app.js';
import { dumpDatabase } from '../../support/database-dump.js';
import {
  foundOrganization,
  insertMember,
  type Person,
  type SecondOrganization,
} from '../../support/organizations.js';

export type Body = Record<string, unknown> & { readonly id: string };

/** The default organization, and another that must not be touched from there. */
export class Structure {
  private constructor(
    readonly app: TestApp,
    readonly id: string,
    /** An administrator's key. */
    readonly admin: string,
    readonly other: SecondOrganization,
  ) {}

  static async start(): Promise<Structure> {
    const rootKey = randomBytes(32);
    const app = await startTestApp({ env: { LATCHKEY_SECRET_KEY: rootKey.toString('base64') } });
    const { body } = await app.call('GET', '/v1/key');
    const { organization_id: id } = body as { organization_id: string };
    const admin = await app.keyWith({ access_level: 'admin' });
    return new Structure(app, id, admin, await foundOrganization(app, rootKey));
  }

  /** As the administrator, unless another key is given. */
  call(method: string, path: string, body?: unknown, key = this.admin): Promise<Answer> {
    return this.app.call(method, path, { key, ...(body !== undefined && { body }) });
  }

  /** The body of an answer that must be a success. */
  async succeed(method: string, path: string, body?: unknown, key = this.admin): Promise<Body> {
    const answer = await this.call(method, path, body, key);
    if (answer.status >= 300) {
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer.body as Body;
  }

  person(role: string, person: Omit<Person, 'role'> = {}, organization = this.id): Promise<string> {
    return insertMember(this.app.databaseUrl, organization, { ...person, role });
  }

  /** Everything of organizations that is stored. */
  async stored(): Promise<string> {
    const dump = await dumpDatabase(this.app.databaseUrl);
    const tables =
      /^(organizations|organization_members|users|roles|teams|team_members|projects|invitations|service_accounts)$/;
    return JSON.stringify(dump.filter(({ table }) => tables.test(table)));
  }
}

/** Status, code and field of a refusal. */
export function refusalOf({ status, body }: Answer): unknown[] {
  const { error } = body as { error?: { code: string; param: string | null } };
  return [status, error?.code, error?.param ?? null];
}
