import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { newId } from '#common/ids/prefixed-id.js';
import { DeliveryRepository } from '#modules/notifications/dispatch/delivery.repository.js';
import { DispatchNotificationService } from '#modules/notifications/dispatch/dispatch-notification.service.js';
import { RecordDeliveryService } from '#modules/notifications/dispatch/record-delivery.service.js';
import { WebhookSender } from '#modules/notifications/webhooks/webhook-sender.js';
import { WebhookSecrets } from '#modules/notifications/webhook-secrets.js';
import { WebhookRepository } from '#modules/notifications/webhooks/webhook.repository.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { type DeliveryRow, NotifyingProcess, REACH, SetClock } from './notifications.harness.js';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Of Standard Webhooks, after the first attempt, the second, and so on. */
const SCHEDULE_SECONDS = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/** Longer than any delay of the schedule with its jitter. */
const LONG_MS = 27 * HOUR_MS;

let database: TestDatabase;
let receiver: Receiver;
let clock: SetClock;
let worker: NotifyingProcess;
const started: NotifyingProcess[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  receiver = await startReceiver();
  clock = new SetClock(Date.now());
  worker = await start();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(started.splice(0).map((each) => each.stop()));
  await receiver.close();
  await database.drop();
});

/** Without jobs of its own: each step is the test’s. */
async function start(allowPrivateTargets = true): Promise<NotifyingProcess> {
  const process = await NotifyingProcess.start({
    databaseUrl: database.url,
    clock,
    allowPrivateTargets,
  });
  started.push(process);
  return process;
}

async function dispatch(id: string, by = worker): Promise<void> {
  await by.module.get(DispatchNotificationService).dispatch(id);
}

/** A message that is on its way to the receiver. */
async function pending(): Promise<DeliveryRow> {
  await worker.channel(receiver.url);
  await dispatch(await worker.notify());
  return theDelivery();
}

async function theDelivery(): Promise<DeliveryRow> {
  const [delivery] = await worker.deliveries();
  if (!delivery) throw new Error('There is no delivery.');
  return delivery;
}

function idsReceived(): unknown[] {
  return receiver.received.map(({ headers }) => headers['webhook-id']);
}

async function channelOf(
  id: string,
): Promise<{ status: string; status_reason: string | null; failing_since: Date | null }> {
  const [row] = await worker.sql<Awaited<ReturnType<typeof channelOf>>>(
    'SELECT status, status_reason, failing_since FROM notification_channels WHERE id = $1',
    [id],
  );
  if (!row) throw new Error(`There is no channel ${id}.`);
  return row;
}

describe('dispatching', () => {
  it('makes one delivery for each channel that wants it, and for no other', async () => {
    const wanted = [
      await worker.channel('https://example.com/all'),
      await worker.channel('https://example.com/this', { events: ['key.expiring', 'key.rotated'] }),
      await worker.channel('https://example.com/key', { keyId: 'key_a' }),
      await worker.channel('ops@example.com', { kind: 'email' }),
    ];
    await worker.channel('https://example.com/other-event', { events: ['key.expiring'] });
    await worker.channel('https://example.com/other-key', { keyId: 'key_b' });
    await worker.channel('https://example.com/other-organization', { organizationId: 'org_b' });
    const disabled = await worker.channel('https://example.com/disabled');
    await worker.sql(`UPDATE notification_channels SET status = 'disabled' WHERE id = $1`, [
      disabled.id,
    ]);
    const id = await worker.notify();
    await dispatch(id);
    const made = await worker.deliveries();
    expect(made.map(({ channel_id }) => channel_id).sort()).toEqual(
      wanted.map((channel) => channel.id).sort(),
    );
    expect(new Set(made.map(({ notification_id }) => notification_id))).toEqual(new Set([id]));
  });

  it('happens once, however many do it at once and however often', async () => {
    await worker.channel(receiver.url);
    const id = await worker.notify();
    const others = await Promise.all([start(), start()]);
    await Promise.all([worker, ...others, worker, ...others].map((by) => dispatch(id, by)));
    await dispatch(id);
    expect(await worker.deliveries()).toHaveLength(1);
  });

  it('tells channels of the organization alone of what is about no key', async () => {
    const { id } = await worker.channel('https://example.com/all');
    await worker.channel('https://example.com/key', { keyId: 'key_a' });
    await dispatch(await worker.notify({ keyId: null, type: 'invoice.issued' }));
    expect(await worker.deliveries()).toMatchObject([{ channel_id: id }]);
  });

  it('is made up for by the sweep where its job was lost, after 5 s', async () => {
    await worker.channel(receiver.url);
    await worker.notify();
    clock.time += 4 * SECOND_MS;
    await worker.sweep();
    expect(await worker.deliveries()).toEqual([]);
    clock.time += SECOND_MS;
    await worker.sweep();
    expect(await worker.deliveries()).toHaveLength(1);
  });

  it('tells nothing of what was rolled back', async () => {
    await worker.channel(receiver.url);
    const undone = worker.module.get(TransactionRunner).run(async () => {
      await worker.notify();
      throw new Error('rolled back');
    });
    await expect(undone).rejects.toThrow('rolled back');
    clock.time += HOUR_MS;
    await worker.sweep();
    expect(await worker.deliveries()).toEqual([]);
  });
});

describe('a delivery', () => {
  it('is sent once when many workers take it at once', async () => {
    const { id } = await pending();
    const others = await Promise.all([start(), start()]);
    const workers = [worker, ...others, worker, ...others];
    await Promise.all(workers.map((each) => each.attempt(id)));
    await worker.attempt(id);
    expect(receiver.received).toHaveLength(1);
    expect(await theDelivery()).toMatchObject({ status: 'delivered', attempts: 1 });
  });

  it('is sent again, with the same id and body, when its worker died before it wrote that down', async () => {
    const { id } = await pending();
    const dying = await start();
    vi.spyOn(dying.module.get(RecordDeliveryService), 'record').mockRejectedValue(
      new Error('died'),
    );
    await expect(dying.attempt(id)).rejects.toThrow('died');
    await worker.attempt(id);
    expect(receiver.received).toHaveLength(1);
    clock.time += 61 * SECOND_MS;
    await worker.attempt(id);
    expect(idsReceived()).toEqual([idsReceived()[0], idsReceived()[0]]);
    expect(receiver.received[1]?.body).toBe(receiver.received[0]?.body);
    expect(await theDelivery()).toMatchObject({ status: 'delivered', attempts: 2 });
  });

  it('is not undone by a worker that comes back after its lease', async () => {
    const { id } = await pending();
    const slow = await start();
    let finish = (): void => undefined;
    receiver.answer((response) => {
      finish = () => void response.writeHead(500).end();
    });
    const late = slow.attempt(id);
    await vi.waitFor(() => expect(receiver.received).toHaveLength(1));
    clock.time += 61 * SECOND_MS;
    receiver.answer(200);
    await worker.attempt(id);
    finish();
    await late;
    expect(await theDelivery()).toMatchObject({ status: 'delivered', error: null });
  });

  it('is tried ten times, by the schedule, then given up', async () => {
    const { id } = await pending();
    receiver.answer(500);
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 10; attempt++) {
      await worker.attempt(id);
      const { next_attempt_at: next } = await theDelivery();
      if (next === null) break;
      waits.push(next.getTime() - clock.time);
      clock.time = next.getTime() - 1;
      await worker.attempt(id);
      expect(receiver.received).toHaveLength(attempt);
      clock.time += 1;
    }
    expect(waits).toHaveLength(SCHEDULE_SECONDS.length);
    for (const [at, seconds] of SCHEDULE_SECONDS.entries()) {
      expect(waits[at]).toBeGreaterThanOrEqual(seconds * SECOND_MS);
      expect(waits[at]).toBeLessThanOrEqual(seconds * SECOND_MS * 1.1);
    }
    expect(await theDelivery()).toMatchObject({
      status: 'failed',
      attempts: 10,
      response_status: 500,
      error: 'answered 500',
      next_attempt_at: null,
    });
    clock.time += LONG_MS;
    await worker.attempt(id);
    expect(receiver.received).toHaveLength(10);
    expect(new Set(idsReceived()).size).toBe(1);
  });

  it.each([301, 302, 307, 308])('is not sent on to where a %d points', async (status) => {
    const canary = await startReceiver();
    const { id } = await pending();
    receiver.answer((response) => void response.writeHead(status, { location: canary.url }).end());
    await worker.attempt(id);
    expect(canary.connections()).toBe(0);
    expect(await theDelivery()).toMatchObject({ status: 'pending', response_status: status });
    await canary.close();
  });

  it.each([
    ['429', 429, '3600', 3_600],
    ['503', 503, '3600', 3_600],
    ['429, bounded by a day', 429, '99999999', 86_400],
    ['500, which has none', 500, '3600', 5],
    ['429 that asks for less than the schedule', 429, '1', 5],
  ])('waits as the receiver asks by Retry-After: %s', async (_, status, header, seconds) => {
    const { id } = await pending();
    receiver.answer((response) => void response.writeHead(status, { 'retry-after': header }).end());
    await worker.attempt(id);
    const { next_attempt_at: next } = await theDelivery();
    const wait = ((next?.getTime() ?? 0) - clock.time) / SECOND_MS;
    expect(wait).toBeGreaterThanOrEqual(seconds);
    expect(wait).toBeLessThanOrEqual(Math.max(seconds, 5.5));
  });

  it('is tried again when nothing listens, or the connection is cut', async () => {
    const { id } = await pending();
    receiver.answer((response) => void response.destroy());
    await worker.attempt(id);
    expect(await theDelivery()).toMatchObject({ status: 'pending', error: 'UND_ERR_SOCKET' });
    await receiver.close();
    clock.time += LONG_MS;
    await worker.attempt(id);
    expect(await theDelivery()).toMatchObject({ status: 'pending', error: 'ECONNREFUSED' });
    receiver = await startReceiver();
  });

  it('counts as taken by its status, however much the receiver goes on to say', async () => {
    const { id } = await pending();
    let isCut = false;
    receiver.answer((response) => {
      response.on('close', () => {
        isCut = true;
      });
      response.writeHead(200);
      const more = (): void => {
        if (!isCut) response.write(Buffer.alloc(64 * 1024), () => setImmediate(more));
      };
      more();
    });
    await worker.attempt(id);
    expect(await theDelivery()).toMatchObject({ status: 'delivered' });
    await vi.waitFor(() => expect(isCut).toBe(true), 5_000);
  });

  it('by mail is written to the log where there is no mail server', async () => {
    await worker.channel('ops@example.com', { kind: 'email' });
    await dispatch(await worker.notify());
    await worker.attempt((await theDelivery()).id);
    expect(await theDelivery()).toMatchObject({ status: 'delivered', error: null });
    expect(worker.lines.join('')).toContain('A mail was not sent: LATCHKEY_SMTP_URL is not set');
  });

  it.each([
    ['disabled', `UPDATE notification_channels SET status = 'disabled'`],
    ['deleted', 'DELETE FROM notification_channels'],
  ])('is given up, unsent, when its channel was %s meanwhile', async (how, statement) => {
    const { id } = await pending();
    await worker.sql(statement);
    await worker.attempt(id);
    expect(receiver.connections()).toBe(0);
    const error = expect.stringContaining(how) as string;
    expect(await theDelivery()).toMatchObject({ status: 'failed', error });
  });

  it('is found by the sweep when its job was lost', async () => {
    const busy = await NotifyingProcess.start({ databaseUrl: database.url, clock, role: 'all' });
    started.push(busy);
    const { id } = await pending();
    await busy.sweep();
    await vi.waitFor(
      async () => expect(await theDelivery()).toMatchObject({ id, status: 'delivered' }),
      8_000,
    );
    expect(receiver.received).toHaveLength(1);
  });
});

describe('the sweep', () => {
  it('takes each channel in turn, whatever one of them has waiting', async () => {
    const { id: crowded } = await worker.channel(receiver.url, { events: ['key.expiring'] });
    const { id: other } = await worker.channel(receiver.url, { events: ['key.revoked'] });
    for (const type of ['key.expiring', 'key.expiring', 'key.expiring', 'key.revoked'] as const) {
      await dispatch(await worker.notify({ type }));
      clock.time += 1;
    }
    const repository = worker.module.get(DeliveryRepository);
    const due = await repository.listDueAcrossTenants(new Date(clock.time), 2);
    const made = await worker.deliveries();
    const channels = due.map(({ id }) => made.find((one) => one.id === id)?.channel_id);
    expect(channels).toEqual([crowded, other]);
  });
});

describe('a webhook', () => {
  it('that is gone is disabled at once', async () => {
    const { id, channel_id: channel } = await pending();
    receiver.answer(410);
    await worker.attempt(id);
    expect(await theDelivery()).toMatchObject({ status: 'failed', response_status: 410 });
    expect(await channelOf(channel)).toMatchObject({
      status: 'disabled',
      status_reason: 'It answered 410 Gone.',
    });
    expect(worker.lines.join()).toContain('A webhook is disabled');
    await dispatch(await worker.notify());
    expect(await worker.deliveries()).toHaveLength(1);
  });

  it('that has failed for five days without a success is disabled, and not before', async () => {
    const { id: channel } = await worker.channel(receiver.url);
    const from = clock.time;
    const tell = async (status: number): Promise<void> => {
      receiver.answer(status);
      const notification = await worker.notify();
      await dispatch(notification);
      const made = await worker.deliveries();
      await worker.attempt(made.find((one) => one.notification_id === notification)?.id ?? '');
    };
    await tell(500);
    expect((await channelOf(channel)).failing_since?.getTime()).toBe(from);
    clock.time = from + 4 * DAY_MS;
    await tell(200);
    expect(await channelOf(channel)).toMatchObject({ status: 'active', failing_since: null });
    clock.time = from + 5 * DAY_MS;
    await tell(500);
    clock.time = from + 10 * DAY_MS - 1;
    await tell(500);
    expect(await channelOf(channel)).toMatchObject({ status: 'active' });
    clock.time = from + 10 * DAY_MS;
    await tell(500);
    expect(await channelOf(channel)).toMatchObject({
      status: 'disabled',
      status_reason: 'It has failed for 5 days.',
    });
  });

  it('with a rotated secret is sent two signatures for a day, then one', async () => {
    const { id: channel, secret: old } = await worker.channel(receiver.url);
    const issued = worker.module.get(WebhookSecrets).issue(channel);
    const until = new Date(clock.time + DAY_MS);
    const webhooks = worker.module.get(WebhookRepository);
    await webhooks.replaceSecret(REACH, channel, issued.sealed, until);
    const verify = (secret: string, at: number): unknown => {
      const { body = '', headers = {} } = receiver.received[at] ?? {};
      // The library reads the real clock.
      vi.setSystemTime(Number(headers['webhook-timestamp']) * SECOND_MS);
      return new Webhook(secret).verify(body, headers as Record<string, string>);
    };
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      for (const at of [0, 1]) {
        clock.time = until.getTime() - 1 + at;
        const notification = await worker.notify();
        await dispatch(notification);
        const made = await worker.deliveries();
        await worker.attempt(made.find((one) => one.notification_id === notification)?.id ?? '');
        expect(verify(issued.secret.reveal(), at)).toMatchObject({ type: 'key.rotated' });
      }
      expect(verify(old, 0)).toMatchObject({ type: 'key.rotated' });
      expect(() => verify(old, 1)).toThrow('No matching signature');
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('where private targets are forbidden', () => {
  it.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '0',
    'localhost',
    'LOCALHOST.',
    'foo.localhost',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    '[fd00:ec2::254]',
    '169.254.169.254',
    '100.64.0.1',
    '192.168.0.1',
  ])('nothing connects to %s', async (host) => {
    const guarded = await start(false);
    const { port } = new URL(receiver.url);
    const id = newId('webhook');
    const { sealed } = guarded.module.get(WebhookSecrets).issue(id);
    for (const scheme of ['http', 'https']) {
      const outcome = await guarded.module.get(WebhookSender).send(
        {
          id,
          address: `${scheme}://${host}:${port}/hooks`,
          sealedSecret: sealed,
          sealedOldSecret: null,
          oldSecretExpiresAt: null,
        },
        { id: newId('message'), type: 'key.rotated', occurredAt: new Date(), data: {} },
      );
      expect(outcome).toMatchObject({ isSent: false, error: 'ERR_FORBIDDEN_TARGET' });
    }
    expect(receiver.connections()).toBe(0);
  });
});

describe('keeping', () => {
  it('ends after 30 days for what is over, with notifications that nothing is left of', async () => {
    const { id } = await pending();
    await worker.attempt(id);
    receiver.answer(500);
    await dispatch(await worker.notify({ keyId: null }));
    const waiting = (await worker.deliveries()).find(({ status }) => status === 'pending');
    await dispatch(await worker.notify({ organizationId: 'org_b' }));
    const counts = async (): Promise<unknown[]> =>
      worker.sql(
        `SELECT (SELECT count(*)::int FROM notifications) AS told,
                (SELECT count(*)::int FROM notification_deliveries) AS sent`,
      );
    clock.time += 30 * DAY_MS - 1;
    await worker.purge();
    expect(await counts()).toEqual([{ told: 3, sent: 2 }]);
    clock.time += 1;
    await worker.purge();
    expect(await counts()).toEqual([{ told: 1, sent: 1 }]);
    expect(await worker.deliveries()).toMatchObject([{ id: waiting?.id }]);
  });

  it('of an old secret ends with the time in which it signs', async () => {
    const { id: channel } = await worker.channel(receiver.url);
    const { id: other } = await worker.channel(receiver.url);
    const webhooks = worker.module.get(WebhookRepository);
    const [until, later] = [clock.time + DAY_MS, clock.time + 2 * DAY_MS];
    for (const [id, end] of [
      [channel, until],
      [other, later],
    ] as const) {
      const { sealed } = worker.module.get(WebhookSecrets).issue(id);
      await webhooks.replaceSecret(REACH, id, sealed, new Date(end));
    }
    const old = async (id: string): Promise<Buffer | null | undefined> =>
      (await webhooks.find(REACH, id))?.sealedOldSecret;
    clock.time = until - 1;
    await worker.purge();
    expect(await old(channel)).toBeInstanceOf(Buffer);
    clock.time = until;
    await worker.purge();
    expect(await webhooks.find(REACH, channel)).toMatchObject({
      sealedOldSecret: null,
      oldSecretExpiresAt: null,
      sealedSecret: expect.any(Buffer) as Buffer,
    });
    expect(await old(other)).toBeInstanceOf(Buffer);
  });
});
