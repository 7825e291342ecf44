/** A run of the whole product in which every secret is known: all that changes something is called, well and badly. */
import { randomBytes } from 'node:crypto';

import { vi } from 'vitest';

import { SpoolFolder } from '#modules/audit/spool/spool-folder.js';
import { createLogger } from '#platform/observability/logger.js';

import { type Answer } from '../support/app.js';
import { Canaries } from '../support/canaries.js';
import { type TappedAnswer, tapFetch } from '../support/fetch-tap.js';
import { type MailServer, startMailServer } from '../support/mail-server.js';
import { fromElsewhere, newEmail, signUp } from '../support/people.js';
import { queryDatabase } from '../support/postgres.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { type S3Server, startS3 } from '../support/s3.js';
import { mutatingRoutes, nameOf, readyCall } from './audited-calls.harness.js';
import { bodyOf } from './matrix/principals.harness.js';
import { World } from './matrix/world.harness.js';
import { ENTRY_COLUMNS } from '../../src/modules/audit/trail/audit-entry.row.js';

const random = (): string => randomBytes(24).toString('hex');
/** Without an id or a body there is nothing that could be wrong with a call of somebody who may. */
const TAKES_ANYTHING = ['POST /v1/audit/checkpoints'];
const SOON = { timeout: 40_000, interval: 250 };

export class CanaryWalk {
  readonly logged: string[] = [];
  /** Lines of the audit spool, each of which is a file's for a second. */
  readonly spooled: string[] = [];
  #world: World | null = null;

  private constructor(
    readonly canaries: Canaries,
    readonly answers: readonly TappedAnswer[],
    private readonly servers: { mail: MailServer; s3: S3Server; receiver: Receiver },
  ) {}

  /** Everything that an installation is given secrets for, with one that no scrubber knows by its shape. */
  static async begin(): Promise<CanaryWalk> {
    const canaries = new Canaries();
    const answers = tapFetch(canaries);
    const secrets = { mail: random(), s3: random() };
    const servers = {
      mail: await startMailServer(secrets.mail),
      s3: await startS3(secrets.s3),
      receiver: await startReceiver(),
    };
    const walk = new CanaryWalk(canaries, answers, servers);
    walk.#listenToSpool();
    const rootKey = randomBytes(32);
    walk.#world = await World.found({
      rootKey,
      env: { LATCHKEY_SMTP_URL: servers.mail.url, ...servers.s3.env },
      logger: createLogger('trace', { write: (line) => void walk.logged.push(line) }),
    });
    canaries.add('secret key of the installation', rootKey.toString('base64'));
    canaries.add('password of the mail server', secrets.mail);
    canaries.add('secret of S3', secrets.s3);
    // A server that was given to the run may have a password that is too short to be looked for.
    canaries.add('password of the database', new URL(walk.world.app.databaseUrl).password);
    return walk;
  }

  #listenToSpool(): void {
    const { spooled } = this;
    const { append } = SpoolFolder.prototype;
    vi.spyOn(SpoolFolder.prototype, 'append').mockImplementation(function (
      this: SpoolFolder,
      line,
    ) {
      spooled.push(line.toString('utf8'));
      append.call(this, line);
    });
  }

  async end(): Promise<void> {
    await this.#world?.close();
    await Promise.all(Object.values(this.servers).map((server) => server.close()));
    vi.restoreAllMocks();
  }

  get world(): World {
    if (!this.#world) throw new Error('Nothing was begun.');
    return this.#world;
  }

  get mails(): readonly string[] {
    return this.servers.mail.mails;
  }

  /** What webhooks were told, headers included. */
  get messages(): readonly string[] {
    return this.servers.receiver.received.map((message) => JSON.stringify(message));
  }

  /** Who is told of everything, in the one way and the other. */
  async listen(): Promise<void> {
    const { sites } = this.world;
    const webhook = { url: this.servers.receiver.url, events: ['*'] };
    bodyOf(await this.world.call(sites.own, 'POST', '/v1/webhooks', webhook));
    const email = { email: newEmail(), events: ['*'] };
    bodyOf(await this.world.call(sites.own, 'POST', '/v1/notification-emails', email));
  }

  /** Each route that changes something, so that it does. @returns those that did not */
  async changeEverything(): Promise<string[]> {
    const failed: string[] = [];
    for (const route of mutatingRoutes(this.world.routes)) {
      const call = await readyCall(this.world, route);
      const { status, body } = await call.send();
      if (status >= 300) failed.push(`${call.name}: ${status} ${JSON.stringify(body)}`);
    }
    return failed;
  }

  /** Each of them, so that it is refused, with secrets wherever a caller may put one by mistake. @returns those that were not */
  async failEverywhere(): Promise<string[]> {
    const { world, canaries } = this;
    const succeeded: string[] = [];
    const [pasted = ''] = canaries.of('key secret');
    for (const route of mutatingRoutes(world.routes)) {
      if (TAKES_ANYTHING.includes(nameOf(route))) continue;
      const path = route.url.replaceAll(/:\w+/g, pasted);
      const wrong = random();
      const body = { name: pasted, reason: pasted, email: pasted, password: wrong, key: wrong };
      const headers = { 'user-agent': pasted, 'x-request-id': pasted, referer: pasted };
      const bodyOfFailure = { ...body, [pasted]: wrong };
      for (const call of [
        { key: `Bearer-less ${wrong}` },
        { key: null, headers: { 'x-api-key': wrong } },
        { key: null, headers: { cookie: `latchkey_session=${wrong}` } },
        { key: world.callers.inference.credential },
        { key: world.callers.master.credential },
      ]) {
        canaries.add('what was refused', wrong);
        const answer = await world.app.call(route.method, `${path}?q=${pasted}`, {
          key: call.key,
          headers: { ...headers, ...fromElsewhere(), ...call.headers },
          body: bodyOfFailure,
        });
        if (answer.status < 400) succeeded.push(`${nameOf(route)}: ${answer.status}`);
      }
    }
    return succeeded;
  }

  /** By a key whose every request is written down, with its bodies, and which is then used although it was revoked. */
  async useKeys(): Promise<void> {
    const { world, canaries } = this;
    const { id, key } = bodyOf(
      await world.app.call('POST', '/v1/keys', {
        body: {
          name: 'talks',
          access_level: 'admin',
          permissions: { data_access: { log_requests: true, log_responses: true } },
          security: {
            audit: { log_all_requests: true, log_failures: true, alert_on_suspicious: true },
          },
        },
      }),
    );
    const said = random();
    canaries.add('prompt', said);
    const complete = (more: Record<string, unknown> = {}): Promise<Answer> =>
      world.app.call('POST', '/v1/chat/completions', {
        key,
        body: { model: 'sandbox/echo', messages: [{ role: 'user', content: said }], ...more },
      });
    bodyOf(await complete());
    await complete({ stream: true });
    await complete({ model: 'nobody/knows-it' });
    await world.app.call('GET', '/v1/keys', { headers: { 'x-api-key': random() } });
    const ticket = `/v1/keys/${id}/usage/tickets`;
    bodyOf(await world.app.call('POST', ticket, { key }));
    const person = await signUp(world.app);
    const cookie = { cookie: person.sessionCookie };
    bodyOf(await world.app.call('GET', '/v1/auth/me', { key: null, headers: cookie }));
    const address = { email: person.email };
    const headers = fromElsewhere();
    await world.app.call('POST', '/v1/auth/password-reset', { key: null, body: address, headers });
    await vi.waitFor(() => this.#learnOfMails(), SOON);
    bodyOf(await world.app.call('DELETE', `/v1/keys/${id}`, { body: { reason: 'over' } }));
    await complete();
    await vi.waitFor(() => this.#alertOf(id), SOON);
  }

  async #alertOf(keyId: string): Promise<void> {
    const alerts = await queryDatabase(
      this.world.app.databaseUrl,
      `SELECT 1 FROM audit_entries WHERE key_id = $1 AND action = 'alert.raised'`,
      [keyId],
    );
    const told = [this.messages, this.mails].map((texts) =>
      texts.some((text) => isAlert(text, keyId)),
    );
    if (alerts.length > 0 && !told.includes(false)) return;
    throw new Error(`${alerts.length} alerts, told of by webhook and mail: ${told.join()}.`);
  }

  /** Whoever gets a mail is to have what stands in it. */
  #learnOfMails(): void {
    const before = this.canaries.of('reset token').length;
    for (const mail of this.mails) {
      const text = mail.replaceAll('=\r\n', '');
      for (const [token] of text.matchAll(/lkr_[0-9A-Za-z_-]{20,}/g)) {
        this.canaries.add('reset token', token);
      }
    }
    if (this.canaries.of('reset token').length === before) throw new Error('No mail yet.');
  }

  /** An entry that somebody else has put into the table, which is moved out of it. */
  async forgeEntry(): Promise<void> {
    const { databaseUrl } = this.world.app;
    const contents = ENTRY_COLUMNS.replace(/^id,/, '').replace(/,\s*sequence.*$/s, '');
    await queryDatabase(
      databaseUrl,
      `INSERT INTO audit_entries (id, ${contents})
       SELECT 'aud_forged', ${contents} FROM audit_entries ORDER BY position LIMIT 1`,
    );
    await vi.waitFor(async () => {
      const moved = await queryDatabase(databaseUrl, 'SELECT 1 FROM audit_foreign_entries');
      if (moved.length === 0) throw new Error('It is not moved yet.');
    }, SOON);
  }

  /** Of the log of the callers' organization, in each format, with what is personal or without. */
  async exports(): Promise<Map<string, Buffer>> {
    const { app } = this.world;
    const files = new Map<string, Buffer>();
    for (const format of ['csv', 'json', 'ndjson', 'parquet']) {
      for (const include_pii of [true, false]) {
        const body = { format, include_pii, period: 'last_7d' };
        const { id } = bodyOf(await app.call('POST', '/v1/audit/export', { body }));
        await vi.waitFor(async () => {
          const made = await app.call('GET', `/v1/exports/${id}`);
          const { state, download_url } = made.body as { state: string; download_url: string };
          if (state !== 'ready') throw new Error(`The export is ${state}.`);
          const file = await fetch(app.origin + download_url);
          files.set(`${format}, ${include_pii}`, Buffer.from(await file.arrayBuffer()));
        }, SOON);
      }
    }
    return files;
  }
}

function isAlert(text: string, keyId: string): boolean {
  const unbroken = text.replaceAll('=\r\n', '');
  return /suspicious/i.test(unbroken) && unbroken.includes(keyId);
}
