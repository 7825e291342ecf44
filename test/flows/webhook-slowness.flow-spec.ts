/** What receivers that fail or take their time may cost the others. */
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Clock } from '#common/time/clock.js';
import { DeliveryQueue } from '#modules/notifications/dispatch/delivery-queue.js';
import { DeliveryRepository } from '#modules/notifications/dispatch/delivery.repository.js';
import { DispatchNotificationService } from '#modules/notifications/dispatch/dispatch-notification.service.js';
import { WebhookRepository } from '#modules/notifications/webhooks/webhook.repository.js';

import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { type DeliveryRow, NotifyingProcess, REACH } from './notifications.harness.js';

const SECOND_MS = 1_000;

let database: TestDatabase;
let receiver: Receiver;
/** Without jobs of its own: each attempt is the test’s. */
let worker: NotifyingProcess;
let channel: string;

beforeEach(async () => {
  database = await createTestDatabase();
  receiver = await startReceiver();
  worker = await NotifyingProcess.start({ databaseUrl: database.url });
  channel = (await worker.channel(receiver.url)).id;
});
afterEach(async () => {
  vi.restoreAllMocks();
  await worker.stop();
  await receiver.close();
  await database.drop();
});

/** Deliveries to the channel. @returns their ids */
async function make(count: number): Promise<string[]> {
  for (let made = 0; made < count; made++) {
    await worker.module.get(DispatchNotificationService).dispatch(await worker.notify());
  }
  return (await worker.deliveries()).map(({ id }) => id);
}

async function theDelivery(): Promise<DeliveryRow | undefined> {
  return (await worker.deliveries())[0];
}

describe('a channel that only fails', () => {
  /** Ten in a row. */
  const MANY = 10;
  let ids: string[];

  async function fail(count: number): Promise<void> {
    receiver.answer(500);
    for (const id of ids.splice(0, count)) await worker.attempt(id);
  }

  /** The receiver takes its time for these, until the answer to this is called. */
  async function hang(sent: readonly string[]): Promise<() => Promise<unknown>> {
    const before = receiver.received.length;
    const answers: (() => void)[] = [];
    receiver.answer((response) => void answers.push(() => response.writeHead(500).end()));
    const attempts = sent.map((id) => worker.attempt(id));
    await vi.waitFor(() => expect(receiver.received).toHaveLength(before + sent.length));
    return () => {
      answers.forEach((answer) => answer());
      return Promise.all(attempts);
    };
  }

  it('has one delivery sent at a time, and all at once when it takes them again', async () => {
    ids = await make(MANY + 6);
    await fail(MANY - 1);
    const several = await hang(ids.splice(0, 2));
    await several();
    const failed = await hang(ids.splice(0, 1));
    const [waiting = ''] = ids;
    await worker.attempt(waiting);
    expect(receiver.received).toHaveLength(MANY + 2);
    await failed();
    receiver.answer(200);
    await worker.attempt(waiting);
    const webhook = await worker.module.get(WebhookRepository).find(REACH, channel);
    expect(webhook?.failingSince).toBeNull();
    const again = await hang(ids.slice(1, 3));
    await again();
  });

  it('is not slowed down by failures that have successes in between', async () => {
    ids = await make(2 * MANY + 2);
    await fail(MANY - 1);
    receiver.answer(200);
    await worker.attempt(ids.shift() ?? '');
    await fail(MANY - 1);
    const both = await hang(ids.slice(0, 2));
    await both();
  });

  it('has what is due woken when it takes messages again, and only then', async () => {
    ids = await make(MANY + 4);
    await fail(MANY);
    const wake = vi.spyOn(worker.module.get(DeliveryQueue), 'wake');
    receiver.answer(200);
    await worker.attempt(ids.shift() ?? '');
    const woken = wake.mock.calls.map(([{ id }]) => id);
    expect(woken.sort()).toEqual([...ids].sort());
    wake.mockClear();
    await fail(1);
    wake.mockClear();
    receiver.answer(200);
    await worker.attempt(ids.shift() ?? '');
    expect(wake).not.toHaveBeenCalled();
  });

  it('begins anew with another address, or when it is enabled again', async () => {
    ids = await make(MANY + 6);
    await fail(MANY);
    const webhooks = worker.module.get(WebhookRepository);
    await webhooks.update(REACH, channel, { description: 'still failing' });
    const one = await hang(ids.splice(0, 1));
    await worker.attempt(ids[0] ?? '');
    expect(receiver.received).toHaveLength(MANY + 1);
    await one();
    await webhooks.update(REACH, channel, { status: 'active' });
    const several = await hang(ids.slice(0, 2));
    await several();
  });

  it('has all given up at once when it is disabled', async () => {
    ids = await make(MANY + 3);
    await fail(MANY);
    const one = await hang(ids.splice(0, 1));
    await worker.sql(`UPDATE notification_channels SET status = 'disabled'`);
    for (const id of ids) await worker.attempt(id);
    const ended = (await worker.deliveries()).filter(({ status }) => status === 'failed');
    expect(ended.map(({ id }) => id).sort()).toEqual([...ids].sort());
    await one();
  });
});

describe('a receiver that takes longer than 15 s', () => {
  const REAL = AbortSignal.timeout.bind(AbortSignal);
  const HURRY = 50;
  beforeEach(() => {
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => REAL(ms / HURRY));
  });

  const tricks: [string, (response: ServerResponse) => void][] = [
    ['never answers', () => undefined],
    [
      'sends one header after the other',
      (response) => {
        const socket = response.socket!;
        socket.write('HTTP/1.1 200 OK\r\n');
        const more = setInterval(() => socket.write('x-more: 1\r\n'), 20);
        socket.once('close', () => clearInterval(more));
      },
    ],
  ];
  it.each(tricks)('and %s, is asked again', async (_, trick) => {
    const [id = ''] = await make(1);
    let isCut = false;
    receiver.answer((response) => {
      response.once('close', () => (isCut = true));
      trick(response);
    });
    const startedAt = performance.now();
    await worker.attempt(id);
    expect(performance.now() - startedAt).toBeGreaterThan((14 * SECOND_MS) / HURRY);
    expect(await theDelivery()).toMatchObject({
      status: 'pending',
      response_status: null,
      error: 'no answer within 15 s',
    });
    await vi.waitFor(() => expect(isCut).toBe(true));
    expect(AbortSignal.timeout).toHaveBeenCalledWith(15 * SECOND_MS);
  });

  it('after it has said its status has taken the message, and its connection is cut', async () => {
    const [id = ''] = await make(1);
    let isCut = false;
    receiver.answer((response) => {
      response.once('close', () => (isCut = true));
      response.writeHead(200);
      const more = setInterval(() => response.write('.'), 20);
      response.once('close', () => clearInterval(more));
    });
    await worker.attempt(id);
    expect(await theDelivery()).toMatchObject({ status: 'delivered', attempts: 1 });
    await vi.waitFor(() => expect(isCut).toBe(true), 5_000);
  });
});

describe('a claim that took so long that its lease may end while it is sent', () => {
  it.each([
    [10 * SECOND_MS, 1],
    [10 * SECOND_MS + 1, 0],
  ])('after %d ms: %d messages are sent, and none is lost', async (tookMs, sent) => {
    const [id = ''] = await make(1);
    const clock = worker.module.get(Clock);
    const deliveries = worker.module.get(DeliveryRepository);
    const claim = deliveries.claimAcrossTenants.bind(deliveries);
    const at = clock.now();
    const now = vi.spyOn(clock, 'now').mockReturnValue(at);
    vi.spyOn(deliveries, 'claimAcrossTenants').mockImplementationOnce(async (...claimed) => {
      const delivery = await claim(...claimed);
      now.mockReturnValue(at + tookMs);
      return delivery;
    });
    await worker.attempt(id);
    expect(receiver.received).toHaveLength(sent);
    await worker.attempt(id);
    expect(receiver.received).toHaveLength(1);
    expect(await theDelivery()).toMatchObject({ status: 'delivered', attempts: 1 });
  });
});
