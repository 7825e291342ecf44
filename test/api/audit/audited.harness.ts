import { expect } from 'vitest';

import { type Answer, type Call, startTestApp, type TestApp } from '../../support/app.js';
import { queryDatabase } from '../../support/postgres.js';

export type Body = Record<string, unknown>;
export type Made = { readonly id: string; readonly key: string };

/** Calls a route, and answers with it all that it is to have written. */
export type Case = () => Promise<readonly [Answer, readonly Body[]]>;

export const anything = expect.anything() as unknown;
export const holding = (facts: Body): Body => expect.objectContaining(facts) as Body;

/** The whole system, and what it has written of each call. */
export class AuditedApp {
  /** That were shown to anybody. */
  readonly #secrets: string[] = [];

  private constructor(
    readonly app: TestApp,
    readonly masterId: string,
  ) {}

  static async start(env: Readonly<Record<string, string>> = {}): Promise<AuditedApp> {
    const app = await startTestApp({ env });
    return new AuditedApp(app, ((await app.call('GET', '/v1/key')).body as Made).id);
  }

  /** Which is to succeed. */
  async call(method: string, path: string, what: Call = {}): Promise<Answer> {
    const answer = await this.app.call(method, path, what);
    expect([path, answer.status < 300, answer.body]).toEqual([path, true, answer.body]);
    const { key, secret, signing_secret: signing } = answer.body as Record<string, string>;
    this.#secrets.push(...[key, secret, signing].filter((one) => one !== undefined));
    return answer;
  }

  async idOf(method: string, path: string, body: Body): Promise<string> {
    return ((await this.call(method, path, { body })).body as Made).id;
  }

  async newKey(fields: Body = {}, key = this.app.masterKey): Promise<Made> {
    const body = { name: 'audited', ...fields };
    return (await this.call('POST', '/v1/keys', { key, body })).body as Made;
  }

  /** In the order in which they were written. */
  entriesOf(answer: Answer): Promise<Body[]> {
    return queryDatabase<Body>(
      this.app.databaseUrl,
      'SELECT * FROM audit_entries WHERE request_id = $1 ORDER BY position',
      [answer.headers.get('x-request-id')],
    );
  }

  /** What is written of the master key's change of `id`. What is not told here is nothing. */
  entry(action: string, type: string, id: string, more: Body = {}): Body {
    return holding({
      action,
      target_type: type,
      target_id: id,
      outcome: 'success',
      actor_type: 'key',
      actor_id: this.masterId,
      acting_key_id: this.masterId,
      before: null,
      after: null,
      reason: null,
      ...more,
    });
  }

  async expectNoSecrets(): Promise<void> {
    const rows = await queryDatabase<{ text: string }>(
      this.app.databaseUrl,
      'SELECT audit_entries::text AS text FROM audit_entries',
    );
    expect(this.#secrets.length).toBeGreaterThan(0);
    const found = this.#secrets.filter((secret) => rows.some(({ text }) => text.includes(secret)));
    expect(found).toEqual([]);
  }
}
