import { Injectable, type OnModuleInit } from '@nestjs/common';

import { KnownProviders } from '#modules/organizations/index.js';

import { SANDBOX_PROVIDER } from './domain/reserved-name.js';
import { ProviderRepository } from './provider.repository.js';

/** Tells the organizations module which providers there are. */
@Injectable()
export class ProviderFinderService implements OnModuleInit {
  constructor(
    private readonly providers: ProviderRepository,
    private readonly known: KnownProviders,
  ) {}

  onModuleInit(): void {
    this.known.findWith(async (organizationId, names) => [
      SANDBOX_PROVIDER,
      ...(await this.providers.namesAmong(organizationId, names)),
    ]);
  }
}
