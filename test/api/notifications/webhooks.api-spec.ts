import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { dumpDatabase } from '../../support/database-dump.js';
import { blocksOf, isInstalled, runProgram } from '../../support/doc-blocks.js';
import { insertDelivery } from '../../support/deliveries.js';
import { type Receiver, startReceiver } from '../../support/receiver.js';

let app: TestApp;
let receiver: Receiver;
let organizationId: string;
beforeAll(async () => {
  app = await startTestApp();
  const self = await app.call('GET', '/v1/key');
  organizationId = (self.body as { organization_id: string }).organization_id;
});
afterAll(() => app.close());
beforeEach(async () => {
  receiver = await startReceiver();
  return () => receiver.close();
});

type Made = { readonly id: string; readonly secret: string };

function create(body: Record<string, unknown> = {}, on = app): Promise<Answer> {
  return on.call('POST', '/v1/webhooks', {
    body: { url: receiver.url, events: ['key.rotated'], ...body },
  });
}

async function made(body: Record<string, unknown> = {}): Promise<Made> {
  const answer = await create(body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body as Made;
}

/** The message that has come at a place, verified by the reference library. */
function verified(secret: string, at = 0): unknown {
  const { body = '', headers = {} } = receiver.received[at] ?? {};
  return new Webhook(secret).verify(body, headers as Record<string, string>);
}

describe('a new webhook', () => {
  it('shows its secret once, and keeps it sealed', async () => {
    const answer = await create({ description: 'Our pager' });
    const { id, secret, ...rest } = answer.body as Made;
    expect(rest).toEqual({
      url: receiver.url,
      events: ['key.rotated'],
      description: 'Our pager',
      key_id: null,
      team_id: null,
      status: 'active',
      status_reason: null,
      failing_since: null,
      created_at: expect.any(String) as string,
    });
    expect(id).toMatch(/^wh_[0-9A-Za-z]{22}$/);
    expect(Buffer.from(secret.replace(/^whsec_/, ''), 'base64')).toHaveLength(32);
    const read = await app.call('GET', `/v1/webhooks/${id}`);
    expect(read.body).toEqual({ id, ...rest });
    const list = await app.call('GET', '/v1/webhooks?limit=200');
    expect((list.body as { data: unknown[] }).data).toContainEqual({ id, ...rest });
    const stored = JSON.stringify(await dumpDatabase(app.databaseUrl));
    expect(stored).toContain(id);
    expect(stored).not.toContain(secret.replace(/^whsec_/, ''));
  });

  it('is made once for an Idempotency-Key, with the same secret', async () => {
    const call = {
      body: { url: receiver.url, events: ['*'] },
      headers: { 'idempotency-key': 'one-webhook' },
    };
    const first = await app.call('POST', '/v1/webhooks', call);
    const second = await app.call('POST', '/v1/webhooks', call);
    expect(second.body).toEqual(first.body);
  });

  it.each([
    ['url', { url: 'ftp://example.com' }],
    ['url', { url: 'https://user:pass@example.com' }],
    ['url', { url: 'https://example.com/#x' }],
    ['url', { url: 'example.com' }],
    ['url', { url: `https://example.com/${'x'.repeat(2_048)}` }],
    ['events', { events: [] }],
    ['events', { events: ['key.stolen'] }],
    ['events', { events: ['key.rotated', 'key.rotated'] }],
    ['events', { events: '*' }],
    ['description', { description: 'x'.repeat(257) }],
    ['secret', { secret: 'whsec_mine' }],
  ])('with a wrong %s is refused by its name: %j', async (param, wrong) => {
    const answer = await create(wrong);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param } });
  });

  it('may have a query, whose text is kept', async () => {
    const { id } = await made({ url: 'https://example.com/hook?token=a%20b' });
    const { body } = await app.call('GET', `/v1/webhooks/${id}`);
    expect(body).toMatchObject({ url: 'https://example.com/hook?token=a%20b' });
  });

  it('takes more than a key that may only read', async () => {
    const key = await app.keyWith({ scopes: ['org:read'] });
    const body = { url: receiver.url, events: ['*'] };
    const refused = await app.call('POST', '/v1/webhooks', { key, body });
    expect([refused.status, codeOf(refused)]).toEqual([403, 'insufficient_scope']);
    expect((await app.call('GET', '/v1/webhooks', { key })).status).toBe(200);
  });
});

describe('a webhook', () => {
  it('is changed in what is given, and begins anew when it is made active', async () => {
    const { id } = await made();
    const patch = (body: unknown): Promise<Answer> =>
      app.call('PATCH', `/v1/webhooks/${id}`, { body });
    expect((await patch({ status: 'disabled' })).body).toMatchObject({ status: 'disabled' });
    expect((await patch({ events: ['*'], description: 'x' })).body).toMatchObject({
      url: receiver.url,
      events: ['*'],
      description: 'x',
      status: 'disabled',
    });
    expect((await patch({ description: null, url: 'https://example.com' })).body).toMatchObject({
      url: 'https://example.com/',
      events: ['*'],
      description: null,
    });
    expect((await patch({ status: 'active' })).body).toMatchObject({ status: 'active' });
    const wrong = await patch({ events: ['x'] });
    expect(wrong.body).toMatchObject({ error: { param: 'events' } });
  });

  it('is gone once it is deleted', async () => {
    const { id } = await made();
    const { body } = await app.call('DELETE', `/v1/webhooks/${id}`);
    expect(body).toEqual({ id, deleted: true });
    expect((await app.call('GET', `/v1/webhooks/${id}`)).status).toBe(404);
    expect((await app.call('DELETE', `/v1/webhooks/${id}`)).status).toBe(404);
  });

  it('with a new secret signs by both', async () => {
    const { id, secret: old } = await made();
    const rotated = await app.call('POST', `/v1/webhooks/${id}/rotate-secret`);
    const { secret } = rotated.body as Made;
    expect(secret).not.toBe(old);
    await app.call('POST', `/v1/webhooks/${id}/test`);
    for (const one of [secret, old]) expect(verified(one)).toMatchObject({ type: 'webhook.test' });
  });
});

describe('a test message', () => {
  it('is real and signed, whatever the webhook is for', async () => {
    const { id, secret } = await made();
    await app.call('PATCH', `/v1/webhooks/${id}`, { body: { status: 'disabled' } });
    const { body } = await app.call('POST', `/v1/webhooks/${id}/test`);
    expect(body).toEqual({
      delivered: true,
      response_status: 204,
      latency_ms: expect.any(Number) as number,
      error: null,
    });
    expect(verified(secret)).toMatchObject({ type: 'webhook.test', data: { webhook_id: id } });
    const log = await app.call('GET', `/v1/webhooks/${id}/deliveries`);
    expect(log.body).toMatchObject({ data: [] });
  });

  it('tells how the receiver fails, and not what it says', async () => {
    const { id } = await made();
    const test = (): Promise<Answer> => app.call('POST', `/v1/webhooks/${id}/test`);
    receiver.answer((response) => void response.writeHead(500).end('inner life'));
    const failed = await test();
    expect(failed.body).toMatchObject({
      delivered: false,
      response_status: 500,
      error: 'answered 500',
    });
    expect(JSON.stringify(failed.body)).not.toContain('inner life');
    receiver.answer((response) => void response.destroy());
    expect((await test()).body).toMatchObject({ delivered: false, response_status: null });
    receiver.answer(410);
    await test();
    const { body } = await app.call('GET', `/v1/webhooks/${id}`);
    expect(body).toMatchObject({ status: 'active' });
  });
});

describe('the delivery log', () => {
  it('has the dead letters, which are sent again with their id when they are replayed', async () => {
    const { id: webhookId, secret } = await made();
    const { id, eventId } = await insertDelivery(app.databaseUrl, { organizationId, webhookId });
    const path = `/v1/webhooks/${webhookId}/deliveries`;
    const failed = await app.call('GET', `${path}?status=failed`);
    expect(failed.body).toMatchObject({
      data: [
        {
          id,
          event_id: eventId,
          type: 'key.rotated',
          status: 'failed',
          attempts: 10,
          response_status: 500,
          error: 'answered 500',
          next_attempt_at: null,
        },
      ],
    });
    const replay = (): Promise<Answer> => app.call('POST', `${path}/${id}/replay`);
    expect((await replay()).body).toMatchObject({ id, status: 'pending', attempts: 0 });
    const delivered = expect.objectContaining({
      id,
      status: 'delivered',
      attempts: 1,
      response_status: 204,
      error: null,
    }) as unknown;
    const untilDelivered = (): Promise<void> =>
      vi.waitFor(async () => {
        const { body } = await app.call('GET', path);
        expect((body as { data: unknown[] }).data).toEqual([delivered]);
      }, 8_000);
    await untilDelivered();
    expect(verified(secret)).toMatchObject({ type: 'key.rotated', data: { key_id: 'key_a' } });
    expect((await replay()).status).toBe(200);
    await vi.waitFor(() => expect(receiver.received).toHaveLength(2), 8_000);
    await untilDelivered();
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toEqual([eventId, eventId]);
    const none = await app.call('GET', `${path}?status=failed`);
    expect(none.body).toMatchObject({ data: [] });
  });

  it('turns its pages, newest first', async () => {
    const { id: webhookId } = await made();
    const ids: string[] = [];
    for (let count = 0; count < 3; count++) {
      ids.unshift((await insertDelivery(app.databaseUrl, { organizationId, webhookId })).id);
    }
    const turned: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 3; pages++) {
      const { body } = await app.call(
        'GET',
        `/v1/webhooks/${webhookId}/deliveries?limit=1${cursor}`,
      );
      const page = body as { data: { id: string }[]; next_cursor: string | null };
      turned.push(...page.data.map(({ id }) => id));
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(turned).toEqual(ids);
  });

  it.each([
    ['still tried', 'pending', {}],
    ['of a disabled webhook', 'failed', { status: 'disabled' }],
  ] as const)('replays none that is %s', async (_, status, change) => {
    const { id: webhookId } = await made();
    await app.call('PATCH', `/v1/webhooks/${webhookId}`, { body: change });
    const { id } = await insertDelivery(app.databaseUrl, { organizationId, webhookId, status });
    const path = `/v1/webhooks/${webhookId}/deliveries`;
    const answer = await app.call('POST', `${path}/${id}/replay`);
    expect([answer.status, codeOf(answer)]).toEqual([409, 'conflict']);
    const unknown = await app.call('POST', `${path}/dlv_unknown/replay`);
    expect(unknown.status).toBe(status === 'pending' ? 404 : 409);
  });
});

describe('at most 100', () => {
  it('are made, also at once', async () => {
    const crowded = await startTestApp();
    const answers = await Promise.all(
      Array.from({ length: 104 }, () => create({ url: 'https://example.com' }, crowded)),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(100);
    expect(statuses.filter((status) => status === 409)).toHaveLength(4);
    await crowded.close();
  });
});

describe('where private targets are forbidden', () => {
  it('no URL is taken that is private, not https, or on another port', async () => {
    const guarded = await startTestApp({ env: { LATCHKEY_ALLOW_PRIVATE_TARGETS: 'false' } });
    const urls = [
      receiver.url,
      'http://example.com',
      'https://example.com:8080',
      'https://localhost',
      'https://127.1',
      'https://[::ffff:127.0.0.1]',
      'https://169.254.169.254',
    ];
    const { body } = await create({ url: 'https://example.com:8443/x' }, guarded);
    const { id } = body as Made;
    for (const url of urls) {
      const asked = [
        await create({ url }, guarded),
        await guarded.call('PATCH', `/v1/webhooks/${id}`, { body: { url } }),
      ];
      for (const answer of asked) {
        expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param: 'url' } });
      }
    }
    expect(receiver.connections()).toBe(0);
    await guarded.close();
  });
});

describe('docs/webhooks.md', () => {
  it.skipIf(!isInstalled('curl'))('has a command that works as it stands', async () => {
    const [block = ''] = blocksOf('docs/webhooks.md', 'sh');
    const command = block.replace('http://127.0.0.1:3000', app.origin);
    const env = { LATCHKEY_KEY: app.masterKey };
    expect(JSON.parse(await runProgram('sh', ['-c', command], { env }))).toMatchObject({
      url: 'https://example.com/hooks/latchkey',
      events: ['key.rotated', 'key.expiring'],
      status: 'active',
      secret: expect.stringMatching(/^whsec_/) as string,
    });
  });
});
