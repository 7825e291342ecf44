import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach, describe, expect, it } from 'vitest';

import { loadEnv } from '#platform/config/env.js';
import { createLogger } from '#platform/observability/logger.js';

import type { OutgoingMessage, SendOutcome } from '../outgoing-message.js';
import { MailSender } from './mail-sender.js';

const CANARY = `pr-live-${'c4Na'.repeat(8)}`;
const MESSAGE: OutgoingMessage = {
  id: 'msg_4fTqV0mZx1sLwq8nE2bYcA',
  organizationId: 'org_1',
  type: 'key.disabled',
  keyId: 'key_1',
  occurredAt: new Date('2026-11-21T09:00:00Z'),
  data: { key_id: 'key_1', name: 'Straße <b>\r\nBcc: x@y.example', reason: CANARY, key: CANARY },
};

type Received = {
  readonly from: string | false;
  readonly recipients: string[];
  readonly raw: string;
};
/** What a server got; who was let in with which password. */
type Server = { readonly port: number; readonly mails: Received[]; readonly logins: string[] };

const closings: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

async function startServer(options: SMTPServerOptions = {}): Promise<Server> {
  const mails: Received[] = [];
  const logins: string[] = [];
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    authOptional: true,
    logger: false,
    onAuth({ username, password }, _session, done) {
      logins.push(`${username}:${password}`);
      done(null, { user: username ?? '' });
    },
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        mails.push({
          from: envelope.mailFrom && envelope.mailFrom.address,
          recipients: envelope.rcptTo.map(({ address }) => address),
          raw: Buffer.concat(chunks).toString('utf8'),
        });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closings.push(() => new Promise((resolve) => server.close(() => resolve())));
  return { port: (server.server.address() as AddressInfo).port, mails, logins };
}

function startSender(url: string | null): { sender: MailSender; logged: string[] } {
  const logged: string[] = [];
  const logger = createLogger('info', { write: (line) => void logged.push(line) });
  const config = loadEnv({
    ...(url !== null && { LATCHKEY_SMTP_URL: url }),
    LATCHKEY_MAIL_FROM: 'Keys <keys@sender.example>',
  });
  const sender = new MailSender(config, logger);
  closings.push(() => sender.onApplicationShutdown());
  return { sender, logged };
}

/** The parts of a multipart/alternative mail, decoded, by their content type. */
function partsOf(raw: string): Record<string, string> {
  const boundary = /boundary="([^"]+)"/.exec(raw)?.[1] ?? 'none';
  const parts = raw
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => {
      const at = part.indexOf('\r\n\r\n');
      const [head, body] = [part.slice(0, at), part.slice(at + 4)];
      const type = /Content-Type: ([^;\r]+)/i.exec(head)?.[1] ?? '';
      return [type, decode(body, /Transfer-Encoding: ([\w-]+)/i.exec(head)?.[1] ?? '7bit')];
    });
  return Object.fromEntries(parts) as Record<string, string>;
}

function decode(body: string, encoding: string): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  if (encoding === '7bit') return body;
  const bytes = body
    .replaceAll('=\r\n', '')
    .replace(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function refusal(code: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode: code });
}

describe('a mail', () => {
  it('arrives as text and as HTML, from us, to one recipient, without a secret', async () => {
    const server = await startServer();
    const { sender } = startSender(`smtp://127.0.0.1:${server.port}`);
    const outcome = await sender.send(MESSAGE, 'ops@receiver.example');
    expect(outcome).toEqual({ isSent: true, status: 250 });
    const [mail] = server.mails;
    expect(mail).toMatchObject({
      from: 'keys@sender.example',
      recipients: ['ops@receiver.example'],
    });
    const { 'text/plain': text, 'text/html': html } = partsOf(mail?.raw ?? '');
    expect(text).toContain('Name: Straße <b> Bcc: x@y.example\r\nReason: [redacted]\r\n');
    expect(text).toContain('When: 2026-11-21 09:00:00 UTC');
    expect(html).toContain('<td>Straße &lt;b&gt; Bcc: x@y.example</td>');
    expect(html).not.toContain('<b>');
    expect(`${text}${html}${mail?.raw}`).not.toContain('c4Na');
  });

  it('has the headers of one that a machine sent, and no others by way of a name', async () => {
    const server = await startServer();
    const { sender } = startSender(`smtp://127.0.0.1:${server.port}`);
    await sender.send(MESSAGE, 'ops@receiver.example');
    const head = (server.mails[0]?.raw ?? '').split('\r\n\r\n')[0] ?? '';
    const names = head.match(/^[\w-]+(?=:)/gm)?.map((name) => name.toLowerCase());
    expect(names?.sort()).toEqual(
      'auto-submitted content-type date from message-id mime-version subject to'.split(' '),
    );
    expect(head).toContain('Auto-Submitted: auto-generated');
    expect(head).toContain('From: Keys <keys@sender.example>');
    expect(head).toContain('To: ops@receiver.example');
  });

  it('has the same Message-ID at each attempt', async () => {
    const server = await startServer();
    const { sender } = startSender(`smtp://127.0.0.1:${server.port}`);
    await sender.send(MESSAGE, 'ops@receiver.example');
    await sender.send(MESSAGE, 'ops@receiver.example');
    const ids = server.mails.map(({ raw }) => /^Message-ID: (.*)$/im.exec(raw)?.[1]?.trim());
    expect(ids).toEqual(Array(2).fill('<msg_4fTqV0mZx1sLwq8nE2bYcA@sender.example>'));
  });

  it('shares its connections with others, three at the most', async () => {
    let [open, most] = [0, 0];
    const server = await startServer({
      onConnect(_session, done) {
        most = Math.max(most, ++open);
        done();
      },
      onClose: () => {
        open--;
      },
    });
    const { sender } = startSender(`smtp://127.0.0.1:${server.port}`);
    const sent = await Promise.all(
      Array.from({ length: 20 }, (_, index) => sender.send(MESSAGE, `ops${index}@r.example`)),
    );
    expect(sent.filter(({ isSent }) => isSent)).toHaveLength(20);
    expect(new Set(server.mails.flatMap(({ recipients }) => recipients)).size).toBe(20);
    expect(most).toBe(3);
  });

  it.each([
    'a@r.example, b@r.example',
    'A <a@r.example>, b@r.example',
    'a@r.example\r\nRCPT TO:<b@r.example>',
  ])('goes to one recipient at the most, also where the address is %j', async (address) => {
    const server = await startServer();
    const { sender } = startSender(`smtp://127.0.0.1:${server.port}`);
    await sender.send(MESSAGE, address);
    expect(server.mails.flatMap(({ recipients }) => recipients).length).toBeLessThanOrEqual(1);
    expect(server.mails.map(({ raw }) => raw).join('')).not.toMatch(/^(RCPT|Bcc)/im);
  });
});

describe('a server', () => {
  it.each([
    [550, true],
    [553, true],
    [450, false],
    [451, false],
  ])('that answers %d to the recipient: final is %s', async (code, isFinal) => {
    const server = await startServer({
      onRcptTo: (_address, _session, done) => done(refusal(code, `No: ${CANARY}`)),
    });
    const { sender } = startSender(`smtp://127.0.0.1:${server.port}`);
    const outcome = await sender.send(MESSAGE, 'ops@receiver.example');
    expect(outcome).toMatchObject({ isSent: false, isFinal, status: code, retryAfterMs: null });
    expect(errorOf(outcome)).toMatch(/^The mail server answered \d{3} to RCPT TO: .*\[redacted\]/);
    expect(server.mails).toEqual([]);
  });

  it.each<[string, SMTPServerOptions]>([
    ['the sender', { onMailFrom: (_address, _session, done) => done(refusal(550, 'No')) }],
    [
      'the mail',
      {
        onData: (stream, _session, done) => {
          stream.resume();
          stream.on('end', () => done(refusal(552, 'No')));
        },
      },
    ],
    ['the client', { onConnect: (_session, done) => done(refusal(554, 'No')) }],
  ])('that refuses %s can be tried again', async (_what, options) => {
    const server = await startServer(options);
    const { sender } = startSender(`smtp://127.0.0.1:${server.port}`);
    const outcome = await sender.send(MESSAGE, 'ops@receiver.example');
    expect(outcome).toMatchObject({ isSent: false, isFinal: false });
  });

  it('that is not there can be tried again, and is named in the log alone', async () => {
    const { sender, logged } = startSender('smtp://127.0.0.1:1');
    const outcome = await sender.send(MESSAGE, 'ops@receiver.example');
    expect(outcome).toMatchObject({ isSent: false, isFinal: false, status: null });
    expect(errorOf(outcome)).toMatch(/^The mail server could not be used \([A-Z]+\)\.$/);
    expect(logged.join('')).toContain('127.0.0.1');
  });

  it('is told who we are, as its URL says', async () => {
    const server = await startServer({ allowInsecureAuth: true });
    const { sender } = startSender(`smtp://me%40x.example:p%2Fw%3A@127.0.0.1:${server.port}`);
    expect(await sender.send(MESSAGE, 'ops@receiver.example')).toMatchObject({ isSent: true });
    expect(server.logins).toEqual(['me@x.example:p/w:']);
  });

  it('that is not on this machine gets no password without TLS', async () => {
    const server = await startServer({ allowInsecureAuth: true });
    // Another name of loopback, which is not known for one.
    const { sender, logged } = startSender(
      `smtp://me:canary-pass@[::ffff:127.0.0.1]:${server.port}`,
    );
    const outcome = await sender.send(MESSAGE, 'ops@receiver.example');
    expect(outcome).toMatchObject({ isSent: false, isFinal: false });
    expect(errorOf(outcome)).toContain('STARTTLS');
    expect([server.logins, server.mails]).toEqual([[], []]);
    expect(logged.join('')).not.toContain('canary-pass');
  });
});

it('without a server a mail is logged, with no more of it than its subject, and counts as sent', async () => {
  const { sender, logged } = startSender(null);
  const outcome = await sender.send(MESSAGE, 'ops@receiver.example');
  expect(outcome).toEqual({ isSent: true, status: null });
  expect(logged.map((line) => JSON.parse(line) as object)).toMatchObject([
    {
      level: 'info',
      type: 'key.disabled',
      recipient: 'ops@receiver.example',
      subject: 'Key Straße <b> Bcc: x@y.example was disabled',
    },
  ]);
  expect(logged.join('')).not.toMatch(/c4Na|Reason/);
});

function errorOf(outcome: SendOutcome): string {
  return outcome.isSent ? '' : outcome.error;
}
