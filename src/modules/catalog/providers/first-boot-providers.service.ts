import { Inject, Injectable } from '@nestjs/common';

import type { Secret } from '#common/secret/secret.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';

import { CatalogLock } from '../catalog-lock.js';
import { FirstBootProviders } from '../first-boot-providers.port.js';
import { CreateRouteService } from '../routes/create-route.service.js';
import {
  type CatalogProvider,
  pricedContextLength,
  ShippedCatalog,
} from '../shipped/shipped-catalog.js';
import { CreateProviderService } from './create-provider.service.js';
import { splitBaseUrl } from './domain/base-url.js';
import { DEFAULT_TIMEOUTS } from './domain/timeouts.js';
import { ProviderRepository } from './provider.repository.js';

@Injectable()
export class FirstBootProvidersService extends FirstBootProviders {
  constructor(
    private readonly providers: ProviderRepository,
    private readonly createProvider: CreateProviderService,
    private readonly createRoute: CreateRouteService,
    private readonly catalog: ShippedCatalog,
    private readonly lock: CatalogLock,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    super();
  }

  override async openFromEnvironment(organizationId: string): Promise<readonly string[]> {
    if (this.config.providerKeys.size === 0) return [];
    return this.lock.run(organizationId, async () => {
      const opened: string[] = [];
      for (const [name, credential] of this.config.providerKeys) {
        const known = this.catalog.provider(name);
        if (!known) throw new Error(`The shipped catalog has no provider ${name}.`);
        if (await this.providers.findByName(organizationId, name)) continue;
        await this.#open(organizationId, known, credential);
        opened.push(name);
      }
      return opened;
    });
  }

  async #open(organizationId: string, known: CatalogProvider, credential: Secret): Promise<void> {
    const provider = await this.createProvider.write({
      organizationId,
      name: known.name,
      kind: known.kind,
      baseUrl: splitBaseUrl(known.baseUrl),
      credential,
      timeouts: DEFAULT_TIMEOUTS,
    });
    await this.createRoute.write(
      organizationId,
      known.models.map((model) => ({
        organizationId,
        model: model.id,
        providerId: provider.id,
        upstreamModel: model.id,
        price: model.price,
        priority: 0,
        weight: 1,
        contextLength: pricedContextLength(model),
        maxOutputTokens: model.maxOutputTokens,
      })),
    );
  }
}
