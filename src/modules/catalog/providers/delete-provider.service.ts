import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';

import { CatalogLock } from '../catalog-lock.js';
import { RecordCatalogChange } from '../record-catalog-change.js';
import { RouteRepository } from '../routes/route.repository.js';
import { ProviderRepository } from './provider.repository.js';
import { providerNotFound } from './read-providers.service.js';

@Injectable()
export class DeleteProviderService {
  constructor(
    private readonly providers: ProviderRepository,
    private readonly routes: RouteRepository,
    private readonly lock: CatalogLock,
    private readonly record: RecordCatalogChange,
  ) {}

  /**
   * Deletes a provider with its credential. Its routes are not deleted with it, since that would take models away that
   * nobody named.
   * @throws {AppError} `not_found`; `conflict` while routes point to it
   */
  async delete(organizationId: string, id: string): Promise<void> {
    await this.lock.run(organizationId, async () => {
      const provider = await this.providers.lockForUpdate(organizationId, id);
      if (!provider) throw providerNotFound(id);
      const routes = await this.routes.countOfProvider(organizationId, id);
      if (routes > 0) {
        throw new AppError('conflict', {
          message: `${provider.name} is used by ${routes} ${routes === 1 ? 'route' : 'routes'}. Delete them first.`,
          details: { routes },
        });
      }
      await this.providers.delete(organizationId, id);
      await this.record.deleted('provider', provider);
    });
  }
}
