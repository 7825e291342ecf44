import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { startTestApp, type TestApp } from '../support/app.js';
import { type MailServer, startMailServer } from '../support/mail-server.js';
import { fromElsewhere, newEmail, OPEN_TO_PEOPLE, PASSWORD } from '../support/people.js';

let mailServer: MailServer;
let app: TestApp;
beforeAll(async () => {
  mailServer = await startMailServer();
  app = await startTestApp({ env: { ...OPEN_TO_PEOPLE, LATCHKEY_SMTP_URL: mailServer.url } });
});
afterAll(async () => {
  await app.close();
  await mailServer.close();
});

async function invite(email: string): Promise<string> {
  const made = await app.call('POST', '/v1/invitations', { body: { email, role: 'viewer' } });
  expect(made.status).toBe(201);
  return (made.body as { token: string }).token;
}

const mailsTo = (email: string): string[] =>
  mailServer.mails
    .filter((mail) => mail.includes(`To: ${email}`))
    .map((mail) => mail.replaceAll(/=\r?\n/g, ''));

describe('An invitation', () => {
  it('is mailed as plain text and as HTML, with its token and no other secret, and is good', async () => {
    const email = newEmail();
    const token = await invite(email);
    await vi.waitFor(() => expect(mailsTo(email)).toHaveLength(1), 10_000);
    const mail = mailsTo(email)[0] ?? '';
    expect(mail).toContain('Content-Type: text/plain');
    expect(mail).toContain('Content-Type: text/html');
    expect(new Set(mail.match(/\blk[a-z]_[0-9A-Za-z]+/g))).toEqual(new Set([token]));
    expect(mail).not.toContain(app.masterKey);
    const headers = fromElsewhere();
    const body = { password: PASSWORD };
    const path = `/v1/invitations/${token}/accept`;
    expect((await app.call('POST', path, { key: null, headers, body })).status).toBeLessThan(300);
  });

  it('is mailed three times an hour to one address at most', async () => {
    const email = newEmail();
    for (let count = 0; count < 5; count++) await invite(email);
    await vi.waitFor(() => expect(mailsTo(email)).toHaveLength(3), 10_000);
    const last = newEmail();
    await invite(last);
    await vi.waitFor(() => expect(mailsTo(last)).toHaveLength(1), 10_000);
    expect(mailsTo(email)).toHaveLength(3);
  });
});
