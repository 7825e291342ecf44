import { Inject, Injectable } from '@nestjs/common';

import { RoutingSettingsReader } from '#modules/organizations/index.js';
import { UnsealError } from '#platform/crypto/sealed-box.js';
import { EventBus } from '#platform/events/event-bus.js';
import { CoherentCache } from '#platform/fanout/coherent-cache.js';
import { Fanout } from '#platform/fanout/fanout.port.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import { CATALOG_CHANGED_TOPIC } from '../catalog.events.js';
import { splitBaseUrl } from '../providers/domain/base-url.js';
import { ProviderCredentials } from '../providers/provider-credentials.js';
import type { ProviderEntity } from '../providers/provider.entity.js';
import {
  type Candidate,
  type ProviderEndpoint,
  RouteDirectory,
  type RouteTable,
} from '../route-directory.port.js';
import { compileRouteTable } from './domain/route-table.js';
import type { RouteEntity } from './route.entity.js';
import { RouteRepository } from './route.repository.js';

const MAX_CACHED_ORGANIZATIONS = 1_000;

type CachedTable = { readonly organizationId: string; readonly table: RouteTable };

@Injectable()
export class RouteDirectoryService extends RouteDirectory {
  readonly #tables: CoherentCache<CachedTable>;

  constructor(
    private readonly routes: RouteRepository,
    private readonly credentials: ProviderCredentials,
    private readonly settings: RoutingSettingsReader,
    fanout: Fanout,
    events: EventBus,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super();
    this.#tables = new CoherentCache<CachedTable>(fanout, {
      maxEntries: MAX_CACHED_ORGANIZATIONS,
      tagsOf: ({ organizationId }) => [organizationId],
    });
    fanout.subscribe(CATALOG_CHANGED_TOPIC, (organizationId) =>
      this.#tables.invalidate(organizationId),
    );
    const announce = async ({ organizationId }: { organizationId: string }): Promise<void> => {
      // Here at once, whatever becomes of the message to the others.
      this.#tables.invalidate(organizationId);
      await fanout.publish(CATALOG_CHANGED_TOPIC, organizationId);
    };
    events.on('catalog.changed', announce);
    events.on('organizations.routing-settings-changed', announce);
  }

  override tableOf(organizationId: string): RouteTable | Promise<RouteTable> {
    return this.#tables.peek(organizationId)?.table ?? this.#load(organizationId);
  }

  async #load(organizationId: string): Promise<RouteTable> {
    const loaded = await this.#tables.load(organizationId, async () => ({
      organizationId,
      table: await this.#read(organizationId),
    }));
    return loaded?.table ?? compileRouteTable([]);
  }

  async #read(organizationId: string): Promise<RouteTable> {
    const [rows, rules] = await Promise.all([
      this.routes.listWithProviders(organizationId),
      this.settings.rulesOf(organizationId),
    ]);
    const endpoints = new Map<string, ProviderEndpoint | null>();
    for (const { provider } of rows) {
      if (!endpoints.has(provider.id)) endpoints.set(provider.id, this.#open(provider));
    }
    return compileRouteTable(
      rows.flatMap(({ route }) => {
        const endpoint = endpoints.get(route.providerId);
        const { model, createdAt } = route;
        return endpoint ? [{ model, createdAt, candidate: toCandidate(route, endpoint) }] : [];
      }),
      rules,
    );
  }

  /** `null` where the credential does not open: calling without it could only fail, and the others are still good. */
  #open(provider: ProviderEntity): ProviderEndpoint | null {
    const { origin, basePath } = splitBaseUrl(provider.baseUrl);
    const { id, name, kind, timeouts } = provider;
    try {
      const credential = this.credentials.open(provider, origin);
      return { id, name, kind, origin, basePath, credential, timeouts };
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error;
      this.logger.error(
        { err: error, organization_id: provider.organizationId, provider_id: id, provider: name },
        'The credential of a provider does not open, so its routes are not used. Give its api_key again.',
      );
      return null;
    }
  }
}

function toCandidate(route: RouteEntity, provider: ProviderEndpoint): Candidate {
  return {
    routeId: route.id,
    routeVersion: route.version,
    upstreamModel: route.upstreamModel,
    price: {
      inputNanosPerMillion: route.inputNanosPerMillion,
      outputNanosPerMillion: route.outputNanosPerMillion,
      cachedInputNanosPerMillion: route.cachedInputNanosPerMillion,
    },
    bothNanosPerMillion: route.inputNanosPerMillion + route.outputNanosPerMillion,
    priority: route.priority,
    weight: route.weight,
    contextLength: route.contextLength,
    maxOutputTokens: route.maxOutputTokens,
    provider,
  };
}
