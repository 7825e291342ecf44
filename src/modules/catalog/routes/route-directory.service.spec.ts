import { describe, expect, it } from 'vitest';

import { Secret } from '#common/secret/secret.js';
import { RootKey } from '#platform/crypto/root-key.js';
import type { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventBus } from '#platform/events/event-bus.js';
import { Fanout } from '#platform/fanout/fanout.port.js';
import { createLogger } from '#platform/observability/logger.js';

import { DEFAULT_TIMEOUTS } from '../providers/domain/timeouts.js';
import { ProviderCredentials } from '../providers/provider-credentials.js';
import { ProviderEntity } from '../providers/provider.entity.js';
import { RouteDirectoryService } from './route-directory.service.js';
import { RouteEntity } from './route.entity.js';
import type { RouteRepository, RouteWithProvider } from './route.repository.js';

const ORGANIZATION = 'org_a';
const NOW = new Date('2026-11-21T00:00:00Z');

class FakeFanout extends Fanout {
  readonly published: [string, string][] = [];
  readonly #handlers = new Map<string, (payload: string) => void>();
  isConnected = true;

  override publish(topic: string, payload: string): Promise<void> {
    this.published.push([topic, payload]);
    return Promise.resolve();
  }

  override subscribe(topic: string, handler: (payload: string) => void): void {
    this.#handlers.set(topic, handler);
  }

  override onGap(): void {
    // No connection is ever lost here.
  }

  override get lastConfirmedAt(): number {
    return this.isConnected ? performance.now() : Number.NEGATIVE_INFINITY;
  }

  deliver(topic: string, payload: string): void {
    this.#handlers.get(topic)?.(payload);
  }
}

function setUp(rows: RouteWithProvider[], rootKey = keyOf(1)) {
  const lines: string[] = [];
  const logger = createLogger('info', { write: (line) => lines.push(line) });
  const fanout = new FakeFanout();
  const transactions = { afterCommit: (callback: () => void) => callback() } as TransactionRunner;
  const events = new EventBus(transactions, logger);
  const reads: string[] = [];
  const repository = {
    listWithProviders: (organizationId: string) => {
      reads.push(organizationId);
      return Promise.resolve(rows);
    },
  } as unknown as RouteRepository;
  const credentials = new ProviderCredentials(rootKey);
  const directory = new RouteDirectoryService(
    repository,
    credentials,
    { rulesOf: () => Promise.resolve(null) },
    fanout,
    events,
    logger,
  );
  return { directory, fanout, events, reads, lines };
}

function keyOf(byte: number): RootKey {
  return new RootKey(new Secret(Buffer.alloc(32, byte)));
}

function provider(id: string, apiKey: string | null, sealedWith = keyOf(1)): ProviderEntity {
  const origin = `https://${id}.example`;
  return Object.assign(new ProviderEntity(), {
    id,
    organizationId: ORGANIZATION,
    name: `name-${id}`,
    kind: 'openai-compatible' as const,
    baseUrl: `${origin}/v1`,
    ...new ProviderCredentials(sealedWith).seal(
      id,
      origin,
      apiKey === null ? null : new Secret(apiKey),
    ),
    timeouts: DEFAULT_TIMEOUTS,
    createdAt: NOW,
    updatedAt: NOW,
    version: 1,
  });
}

function route(id: string, model: string, of: ProviderEntity): RouteWithProvider {
  const entity = Object.assign(new RouteEntity(), {
    id,
    organizationId: ORGANIZATION,
    model,
    providerId: of.id,
    upstreamModel: `up-${model}`,
    inputNanosPerMillion: 1n,
    outputNanosPerMillion: 2n,
    cachedInputNanosPerMillion: null,
    contextLength: null,
    maxOutputTokens: null,
    priority: 0,
    weight: 1,
    createdAt: NOW,
    updatedAt: NOW,
    version: 3,
  });
  return { route: entity, provider: of };
}

describe('RouteDirectoryService', () => {
  it('gives candidates with an opened credential and a taken-apart address', async () => {
    const { directory } = setUp([route('rte_1', 'm', provider('a', 'sk-a'))]);
    const [candidate] = (await directory.tableOf(ORGANIZATION)).candidates('m');
    expect(candidate).toMatchObject({
      routeId: 'rte_1',
      routeVersion: 3,
      upstreamModel: 'up-m',
      price: {
        inputNanosPerMillion: 1n,
        outputNanosPerMillion: 2n,
        cachedInputNanosPerMillion: null,
      },
      provider: {
        id: 'a',
        origin: 'https://a.example',
        basePath: '/v1',
        timeouts: DEFAULT_TIMEOUTS,
      },
    });
    expect(candidate?.provider.credential?.reveal()).toBe('sk-a');
  });

  it('answers without a promise and without a read once the table is there', async () => {
    const { directory, reads } = setUp([route('rte_1', 'm', provider('a', null))]);
    const table = await directory.tableOf(ORGANIZATION);
    expect(directory.tableOf(ORGANIZATION)).toBe(table);
    expect(reads).toEqual([ORGANIZATION]);
  });

  it('remembers that an organization has no routes', async () => {
    const { directory, reads } = setUp([]);
    expect((await directory.tableOf(ORGANIZATION)).models()).toEqual([]);
    expect(directory.tableOf(ORGANIZATION)).not.toBeInstanceOf(Promise);
    expect(reads).toHaveLength(1);
  });

  it('forgets at once what was changed here, and tells the others', async () => {
    const { directory, events, fanout, reads } = setUp([]);
    await directory.tableOf(ORGANIZATION);
    events.emit('catalog.changed', { organizationId: ORGANIZATION });
    expect(directory.tableOf(ORGANIZATION)).toBeInstanceOf(Promise);
    expect(reads).toHaveLength(2);
    expect(fanout.published).toEqual([['catalog.changed', ORGANIZATION]]);
  });

  it('forgets what was changed elsewhere, and only that organization’s', async () => {
    const { directory, fanout } = setUp([]);
    await directory.tableOf(ORGANIZATION);
    await directory.tableOf('org_b');
    fanout.deliver('catalog.changed', ORGANIZATION);
    expect(directory.tableOf('org_b')).not.toBeInstanceOf(Promise);
    expect(directory.tableOf(ORGANIZATION)).toBeInstanceOf(Promise);
  });

  it('leaves out a provider whose credential does not open, keeps the others, and says which', async () => {
    const good = provider('good', 'sk-good');
    const bad = provider('bad', 'sk-bad', keyOf(2));
    const { directory, lines } = setUp([
      route('rte_1', 'm', bad),
      route('rte_2', 'm', good),
      route('rte_3', 'only-bad', bad),
    ]);
    const table = await directory.tableOf(ORGANIZATION);
    expect(table.candidates('m').map(({ routeId }) => routeId)).toEqual(['rte_2']);
    expect(table.candidates('only-bad')).toEqual([]);
    expect(table.models().map(({ model }) => model)).toEqual(['m']);
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 'error',
      provider: 'name-bad',
      provider_id: 'bad',
    });
    expect(lines[0]).not.toContain('sk-bad');
  });

  it('never opens a credential for an origin that it was not given for', async () => {
    const moved = provider('a', 'sk-a');
    moved.baseUrl = 'https://evil.example/v1';
    const { directory } = setUp([route('rte_1', 'm', moved)]);
    expect((await directory.tableOf(ORGANIZATION)).candidates('m')).toEqual([]);
  });
});
