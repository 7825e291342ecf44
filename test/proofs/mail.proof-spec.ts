/**
 * Each mail is accepted once by a server that refuses many at first, goes to nobody else, and holds no secret and no line that
 * the name of a key has made. The mail server is the judge.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, it, onTestFinished, vi } from 'vitest';

import { generateKeySecret } from '../../src/modules/keys/domain/key-secret.js';
import { GatewayProcess, newInstallation } from '../support/gateway-process.js';
import { spellings } from '../support/secret-spellings.js';
import { FlakyMailServer } from './mail.harness.js';
import { JOBS_COME_TWICE, makePatchedBuild, type Patch } from './patched-build.harness.js';
import { setUpProof } from './proof.harness.js';

const KEYS = 4;
const OPS = 'ops@receiver.example';
const CHANGED = 'changed@receiver.example';
const THIEF = 'thief@elsewhere.example';
const VERBS = ['made', 'disabled', 'revoked'] as const;
/** More than the wait after a first failure, and a sweep on top. */
const PATIENCE_MS = 40_000;
/** A sweep comes each 10 s: what it has sent again is there by then. */
const QUIET_MS = 12_000;
/** Of jobs alone. */
const BRIEFLY_MS = 2_000;
const POLL_MS = 100;

const RENDER = 'modules/notifications/mail/render-mail.js';
const TELL = 'modules/keys/tell-of-keys.js';

const proof = setUpProof();

/** What became of it all; of a sound product each of them is 0. */
type Faults = Record<string, number>;
type Told = { readonly id: string; readonly name: string; readonly secrets: readonly string[] };

async function query(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: proof.databaseUrl });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** @returns the gateway that takes calls, of three processes with two workers among them */
async function start(smtpUrl: string, build?: string): Promise<GatewayProcess> {
  const installation = newInstallation(proof.databaseUrl);
  const [api] = await Promise.all(
    ['api', 'worker', 'worker'].map((role) =>
      GatewayProcess.start(installation, {
        ...(build !== undefined && { build }),
        env: { LATCHKEY_ROLE: role, LATCHKEY_SMTP_URL: smtpUrl },
      }),
    ),
  );
  // The first start tells of its own key, which is no mail of this proof.
  await vi.waitFor(async () => {
    expect(await query('SELECT FROM notifications WHERE dispatched_at IS NULL')).toHaveLength(0);
  }, 30_000);
  return api as GatewayProcess;
}

async function expectCall(status: number, calling: ReturnType<GatewayProcess['call']>) {
  const answer = await calling;
  expect(answer.status, JSON.stringify(answer.body)).toBe(status);
  return answer.body as Record<string, string>;
}

async function addChannels(gateway: GatewayProcess): Promise<void> {
  const add = (email: string, events: string[]) =>
    gateway.call('POST', '/v1/notification-emails', { email, events });
  const two = `${CHANGED}, ${THIEF}`;
  for (const email of [two, `${OPS}\r\nRCPT TO:<${THIEF}>`, `"${OPS}\r\n" <${THIEF}>`]) {
    expect((await add(email, ['*'])).status).toBe(400);
  }
  await expectCall(201, add(OPS, ['key.created', 'key.disabled', 'key.revoked']));
  const { id } = await expectCall(201, add(CHANGED, ['key.revoked']));
  // No route makes such a row. Whoever does gets no second recipient by it.
  await query('UPDATE notification_channels SET address = $2 WHERE id = $1', [id, two]);
}

/** A key whose texts hold all that must be in no mail, made, disabled and revoked. */
async function liveThrough(gateway: GatewayProcess, number: number): Promise<Told> {
  const own = generateKeySecret('pr', 'production').reveal();
  const provider = `sk-proj-${randomBytes(18).toString('hex')}`;
  const name = `billing ${number} ${own}`;
  const injected = `${name}\r\nBcc: ${THIEF}\r\n\r\nRCPT TO:<${THIEF}>`;
  await expectCall(400, gateway.call('POST', '/v1/keys', { name: injected }));
  const made = await expectCall(201, gateway.call('POST', '/v1/keys', { name }));
  const id = made.id ?? '';
  // As another version, or whoever fills in rows, may have left it.
  await query('UPDATE api_keys SET name = $2 WHERE id = $1', [id, injected]);
  // A next line (U+0085) is none for the API, though for some who read mail.
  const reason = `seen in ${provider}, ${own}\u0085Bcc: ${THIEF}`;
  await expectCall(
    400,
    gateway.call('POST', `/v1/keys/${id}/disable`, { reason: `a\r\n${reason}` }),
  );
  await expectCall(200, gateway.call('POST', `/v1/keys/${id}/disable`, { reason }));
  await expectCall(200, gateway.call('DELETE', `/v1/keys/${id}`, { reason }));
  return { id, name: `billing ${number}`, secrets: [own, provider, made.key ?? ''] };
}

function occurrences(secrets: readonly string[], texts: readonly string[]): number {
  const shapes = secrets.flatMap(spellings);
  return texts.filter((text) => shapes.some((shape) => text.includes(shape))).length;
}

function judge(server: FlakyMailServer, told: readonly Told[]): Faults {
  const toOps = server.accepted.filter(({ recipients }) => recipients.includes(OPS));
  const timesOf = (name: string, verb: string): number =>
    toOps.filter(
      ({ text }) => new RegExp(`key,? ${name} `).test(text) && text.includes(`was ${verb}`),
    ).length;
  const times = told.flatMap(({ name }) => VERBS.map((verb) => timesOf(name, verb)));
  const texts = server.accepted.map(({ text }) => text);
  const asSent = server.accepted.map(({ raw, text }) => raw + text);
  const others = [...server.recipientsNamed].filter((one) => one !== OPS && one !== CHANGED);
  return {
    'mails that are missing': times.filter((count) => count === 0).length,
    'mails that came twice': times.filter((count) => count > 1).length,
    'recipients that nobody has named': others.length,
    'mails with a secret': occurrences(secretsOf(told), asSent),
    'mails with a line of a name’s own': texts.filter((text) => /^(Bcc|RCPT TO):/im.test(text))
      .length,
  };
}

function secretsOf(told: readonly Told[]): string[] {
  return told.flatMap(({ secrets }) => secrets);
}

/** Until all is accepted and quiet, or a fault is seen that waiting does not mend. */
async function judgeInTime(
  server: FlakyMailServer,
  told: readonly Told[],
  quietMs: number,
): Promise<Faults> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  let completeAt = Infinity;
  for (;;) {
    const faults = judge(server, told);
    const { 'mails that are missing': missing = 0, ...lasting } = faults;
    const now = performance.now();
    if (missing === 0) completeAt = Math.min(completeAt, now);
    const isSettled = now > Math.min(completeAt + quietMs, giveUpAt);
    if (isSettled || (missing === 0 && seenIn(lasting).length > 0)) return faults;
    await sleep(POLL_MS);
  }
}

/** Has keys live through what is told of, and counts what the mail server and the outbox have of it. */
async function tellByMail(build?: string, quietMs = QUIET_MS): Promise<Faults> {
  const server = await FlakyMailServer.start();
  onTestFinished(() => server.close());
  const gateway = await start(server.url, build);
  await addChannels(gateway);
  const told: Told[] = [];
  for (let number = 0; number < KEYS; number++) told.push(await liveThrough(gateway, number));
  const rows = await query('SELECT data::text AS data FROM notifications');
  const written = occurrences(
    secretsOf(told),
    rows.map(({ data }) => String(data)),
  );
  // What must not be written down is seen without waiting for mails.
  const mails = await judgeInTime(server, told, written > 0 ? 0 : quietMs);
  const faults = { ...mails, 'notifications with a secret': written };
  proof.figures.push(
    `${KEYS * VERBS.length} mails due, ${server.refusals} refused at first, ${server.accepted.length} accepted of ` +
      `${new Set(server.accepted.map(({ messageId }) => messageId)).size} Message-IDs; named in RCPT TO: ` +
      `${[...server.recipientsNamed].join(' ')}; faults: ${seenIn(faults).join(', ') || 'none'}`,
  );
  return { ...faults, 'the server refused none': server.refusals > 0 ? 0 : 1 };
}

/** Those faults that there are. */
function seenIn(faults: Faults): string[] {
  return Object.entries(faults).flatMap(([fault, times]) => (times > 0 ? [fault] : []));
}

it('each mail is accepted once, by those alone whom it is for, without secrets and without lines of others', async () => {
  expect(seenIn(await tellByMail())).toEqual([]);
});

it('a queue that hands each job out twice changes nothing', async () => {
  const build = await makePatchedBuild(JOBS_COME_TWICE);
  expect(seenIn(await tellByMail(build, BRIEFLY_MS))).toEqual([]);
});

const NAME_AS_IT_IS: Patch = {
  file: TELL,
  find: 'name: scrubSecrets(name)',
  replace: 'name: name',
};

it.each<[string, string, Patch[]]>([
  ['writes a name down as it is', 'notifications with a secret', [NAME_AS_IT_IS]],
  [
    'writes a reason down as it is',
    'notifications with a secret',
    [{ file: TELL, find: ': scrubSecrets(reason)', replace: ': reason' }],
  ],
  [
    'scrubs neither what it writes down nor what it sends',
    'mails with a secret',
    [NAME_AS_IT_IS, { file: RENDER, find: 'scrubSecrets(value)', replace: 'value' }],
  ],
  [
    'leaves line ends in a name',
    'mails with a line of a name’s own',
    [{ file: RENDER, find: `.replaceAll(UNPRINTABLE, ' ')`, replace: '' }],
  ],
  [
    'takes an address for a list of them',
    'recipients that nobody has named',
    [
      {
        file: 'modules/notifications/mail/mail-sender.js',
        find: `to: { name: '', address },`,
        replace: 'to: address,',
      },
    ],
  ],
  [
    'gives a delivery to two workers',
    'mails that came twice',
    [
      JOBS_COME_TWICE,
      {
        file: 'modules/notifications/dispatch/delivery.repository.js',
        find: `status = 'pending' AND next_attempt_at <= $2\n            AND NOT EXISTS`,
        replace: `status = 'pending' AND NOT EXISTS`,
      },
    ],
  ],
])('a build that %s is seen: %s', async (_, fault, patches) => {
  expect(seenIn(await tellByMail(await makePatchedBuild(...patches)))).toContain(fault);
});
