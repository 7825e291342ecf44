/**
 * Nobody learns who has an account by the clock: a login that fails takes as long whoever has the address, and so does
 * asking for a new password. (OWASP, Authentication Cheat Sheet: authentication and error messages.)
 */
import pg from 'pg';
import { Client } from 'undici';
import { describe, expect, it } from 'vitest';

import { GatewayProcess, newInstallation } from '../support/gateway-process.js';
import { makePatchedBuild, type Patch } from './patched-build.harness.js';
import { setUpProof } from './proof.harness.js';

/** Beyond it a median differs for a reason. What hashes a password takes many times as long as what does not. */
const MIN_SHARE_OF_SLOWEST = 0.4;
const PASSWORD = 'correct horse battery';
/** Of one account, after which it is locked. */
const MAX_FAILURES = 10;
const ROUNDS = 40;
const SEEDED_ROUNDS = 16;
/** Of one account an hour. */
const MAX_MAILS = 3;

const proof = setUpProof();

type Ask = (email: string) => Promise<{ readonly text: string; readonly ms: number }>;
type Case = { readonly name: string; readonly email: (round: number) => string };

/** A gateway, and who calls it. Each call seems to come from somewhere else, so that they do not add up to a 429. */
class Stranger {
  #count = 0;

  private constructor(
    private readonly client: Client,
    private readonly database: pg.Client,
  ) {}

  static async meet(build?: string): Promise<Stranger> {
    const gateway = await GatewayProcess.start(newInstallation(proof.databaseUrl), {
      env: { LATCHKEY_TRUSTED_PROXIES: '127.0.0.1', LATCHKEY_SIGNUP: 'open' },
      ...(build !== undefined && { build }),
    });
    const database = new pg.Client({ connectionString: proof.databaseUrl });
    await database.connect();
    return new Stranger(new Client(gateway.origin), database);
  }

  async leave(): Promise<void> {
    await this.client.close();
    await this.database.end();
  }

  newEmail(): string {
    return `somebody${++this.#count}@example.com`;
  }

  /** @param change of the accounts, as SQL */
  async signUp(count: number, change?: string): Promise<string[]> {
    const emails = Array.from({ length: count }, () => this.newEmail());
    for (const email of emails) {
      const { text } = await this.#post('/v1/auth/signup', { email, password: PASSWORD });
      expect(text).toContain('201');
    }
    if (change !== undefined) {
      await this.database.query(`UPDATE users SET ${change} WHERE email = ANY ($1)`, [emails]);
    }
    return emails;
  }

  /** Writes an invitation down, as it is when nobody has accepted it. */
  async invite(): Promise<string> {
    const email = this.newEmail();
    await this.database.query(
      `INSERT INTO invitations (id, organization_id, email, role, token_hash, invited_by, created_at, expires_at)
       SELECT 'inv_1', id, $1, 'viewer', decode('00', 'hex'), 'key_1', now(), now() + interval '1 hour'
         FROM organizations LIMIT 1`,
      [email],
    );
    return email;
  }

  readonly fail: Ask = (email) => this.#post('/v1/auth/login', { email, password: 'a wrong one' });
  readonly askForReset: Ask = (email) => this.#post('/v1/auth/password-reset', { email });

  async #post(path: string, body: unknown): Promise<{ text: string; ms: number }> {
    const from = ++this.#count;
    const headers = {
      'content-type': 'application/json',
      'x-forwarded-for': `203.0.${(from >> 8) & 255}.${from & 255}`,
    };
    const startedAt = performance.now();
    const answer = await this.client.request({
      method: 'POST',
      path,
      headers,
      body: JSON.stringify(body),
    });
    const ms = performance.now() - startedAt;
    const text = (await answer.body.text())
      .replaceAll(/req_\w+/g, '')
      .replaceAll(/\d+ s\b|"resets_in_s":\d+/g, '');
    return { text: `${answer.statusCode} ${text}`, ms };
  }
}

/**
 * Asks for each case in turn, another one first in each round.
 * @returns milliseconds by case; that all were answered in the same words is asserted
 */
async function measure(
  cases: readonly Case[],
  rounds: number,
  ask: Ask,
): Promise<Map<string, number>> {
  const times = new Map(cases.map(({ name }) => [name, [] as number[]]));
  const texts = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    for (let at = 0; at < cases.length; at++) {
      const { name, email } = cases[(round + at) % cases.length]!;
      const { text, ms } = await ask(email(round));
      texts.add(text);
      times.get(name)?.push(ms);
    }
  }
  expect([...texts]).toHaveLength(1);
  return new Map([...times].map(([name, all]) => [name, median(all)]));
}

function median(values: readonly number[]): number {
  return values.toSorted((x, y) => x - y)[Math.floor(values.length / 2)] ?? NaN;
}

function report(what: string, medians: ReadonlyMap<string, number>): number {
  const all = [...medians.values()];
  const share = Math.min(...all) / Math.max(...all);
  const figures = [...medians].map(([name, ms]) => `${name} ${ms.toFixed(2)} ms`).join(', ');
  proof.figures.push(
    `${what}, medians: ${figures}; the fastest is ${share.toFixed(2)} of the slowest`,
  );
  return share;
}

async function timeLogins(what: string, rounds: number, build?: string) {
  const stranger = await Stranger.meet(build);
  const count = Math.ceil(rounds / (MAX_FAILURES - 1));
  const [known, suspended, without] = [
    await stranger.signUp(count),
    await stranger.signUp(count, `status = 'suspended'`),
    await stranger.signUp(count, 'password_hash = NULL'),
  ];
  const invited = await stranger.invite();
  const [locked = ''] = await stranger.signUp(1);
  const nobody = stranger.newEmail();
  const inTurn = (emails: readonly string[]) => (round: number) => emails[round % emails.length]!;
  const failing = await measure(
    [
      { name: 'nobody', email: () => stranger.newEmail() },
      { name: 'known', email: inTurn(known) },
      { name: 'suspended', email: inTurn(suspended) },
      { name: 'without a password', email: inTurn(without) },
    ],
    rounds,
    stranger.fail,
  );
  // An address of its own, or it is locked sooner than all is measured.
  const ofInvited = await measure(
    [
      { name: 'invited', email: () => invited },
      { name: 'nobody again', email: () => stranger.newEmail() },
    ],
    MAX_FAILURES - 1,
    stranger.fail,
  );
  for (let times = 0; times < MAX_FAILURES; times++) {
    for (const email of [locked, nobody]) await stranger.fail(email);
  }
  const refused = await measure(
    [
      { name: 'locked', email: () => locked },
      { name: 'locked, of nobody', email: () => nobody },
    ],
    rounds,
    stranger.fail,
  );
  await stranger.leave();
  return {
    failing: report(`${what}: failed logins`, new Map([...failing, ...ofInvited])),
    refused: report(`${what}: logins while locked`, refused),
  };
}

async function timeResets(what: string, rounds: number, build?: string): Promise<number> {
  const stranger = await Stranger.meet(build);
  const [mailed, mailedOut, suspended] = [
    await stranger.signUp(Math.ceil(rounds / MAX_MAILS)),
    await stranger.signUp(1),
    await stranger.signUp(1, `status = 'suspended'`),
  ];
  for (let times = 0; times < MAX_MAILS; times++) await stranger.askForReset(mailedOut[0]!);
  const medians = await measure(
    [
      { name: 'nobody', email: () => stranger.newEmail() },
      { name: 'known', email: (round) => mailed[round % mailed.length]! },
      { name: 'suspended', email: () => suspended[0]! },
      { name: 'mailed three times', email: () => mailedOut[0]! },
    ],
    rounds,
    stranger.askForReset,
  );
  await stranger.leave();
  return report(`${what}: password resets`, medians);
}

const NO_HASH: Patch = {
  file: 'modules/auth/accounts/password-hasher.js',
  find: 'const expected = stored?.reveal() ?? this.#nobodys;',
  replace: 'if (stored === null) return false;\n        const expected = stored.reveal();',
};
const MAIL_IN_THE_WAY: Patch = {
  file: 'modules/auth/accounts/request-password-reset.service.js',
  find: 'void this.#publish(user.id);',
  replace: 'await this.#publish(user.id).then(() => new Promise((sent) => setTimeout(sent, 30)));',
};

describe('a login that fails', () => {
  it('takes as long for nobody’s address as for any account’s, also once it is locked', async () => {
    const shares = await timeLogins('as built', ROUNDS);
    expect(shares.failing).toBeGreaterThan(MIN_SHARE_OF_SLOWEST);
    expect(shares.refused).toBeGreaterThan(MIN_SHARE_OF_SLOWEST);
  });

  it('is noticed by this proof when nothing is hashed for an address that nobody has', async () => {
    const build = await makePatchedBuild(NO_HASH);
    const { failing } = await timeLogins('no hash for nobody', SEEDED_ROUNDS, build);
    expect(failing).toBeLessThan(MIN_SHARE_OF_SLOWEST);
  });
});

describe('asking for a new password', () => {
  it('takes as long for nobody’s address: no mail is waited for', async () => {
    expect(await timeResets('as built', ROUNDS)).toBeGreaterThan(MIN_SHARE_OF_SLOWEST);
  });

  it('is noticed by this proof when a mail is waited for', async () => {
    const build = await makePatchedBuild(MAIL_IN_THE_WAY);
    const share = await timeResets('a mail in the way', SEEDED_ROUNDS, build);
    expect(share).toBeLessThan(MIN_SHARE_OF_SLOWEST);
  });
});
