import { Inject, Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';

import { CatalogLock } from '../catalog-lock.js';
import { RecordCatalogChange } from '../record-catalog-change.js';
import { refuseDuplicate } from '#platform/database/refuse-duplicate.js';
import { nameIsTaken } from './create-provider.service.js';
import { type BaseUrl, parseBaseUrl, splitBaseUrl } from './domain/base-url.js';
import { mergeTimeouts } from './domain/merge-timeouts.js';
import { refuseReservedName } from './domain/reserved-name.js';
import type { UpdateProviderDto } from './dto/provider.dto.js';
import { ProviderCredentials } from './provider-credentials.js';
import type { ProviderEntity } from './provider.entity.js';
import { PROVIDER_NAME_CONSTRAINT, ProviderRepository } from './provider.repository.js';
import { providerNotFound } from './read-providers.service.js';

@Injectable()
export class ChangeProviderService {
  constructor(
    private readonly providers: ProviderRepository,
    private readonly credentials: ProviderCredentials,
    private readonly lock: CatalogLock,
    private readonly record: RecordCatalogChange,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Changes the fields that are given and leaves the others. A credential never follows its provider to another origin.
   * @throws {AppError} `not_found`; `invalid_request` naming the field; `conflict` for a name that is taken
   */
  async change(
    organizationId: string,
    id: string,
    dto: UpdateProviderDto,
  ): Promise<ProviderEntity> {
    if (dto.name) refuseReservedName(dto.name);
    const target = dto.base_url
      ? parseBaseUrl(dto.base_url, this.config.allowPrivateTargets)
      : null;
    return this.lock.run(organizationId, async () => {
      const provider = await this.providers.lockForUpdate(organizationId, id);
      if (!provider) throw providerNotFound(id);
      const changes = this.#changesOf(provider, dto, target);
      if (Object.keys(changes).length === 0) return provider;
      const changed = await refuseDuplicate(
        PROVIDER_NAME_CONSTRAINT,
        nameIsTaken(changes.name ?? provider.name),
        () =>
          this.providers.update(provider, { ...changes, updatedAt: new Date(this.clock.now()) }),
      );
      await this.record.providerChanged(provider, changed);
      return changed;
    });
  }

  #changesOf(
    provider: ProviderEntity,
    dto: UpdateProviderDto,
    target: BaseUrl | null,
  ): Partial<ProviderEntity> {
    return {
      ...(dto.name && { name: dto.name }),
      ...(target && { baseUrl: target.url }),
      ...(dto.timeouts && { timeouts: mergeTimeouts(provider.timeouts, dto.timeouts) }),
      ...this.#credentialChange(provider, dto.api_key, target ?? splitBaseUrl(provider.baseUrl)),
    };
  }

  #credentialChange(
    provider: ProviderEntity,
    apiKey: string | null | undefined,
    { origin }: BaseUrl,
  ): Partial<ProviderEntity> {
    if (apiKey !== undefined) {
      return this.credentials.seal(
        provider.id,
        origin,
        apiKey === null ? null : new Secret(apiKey),
      );
    }
    if (provider.credentialOrigin !== null && provider.credentialOrigin !== origin) {
      throw new AppError('invalid_request', {
        message: `The stored key belongs to ${provider.credentialOrigin}. Give api_key again for ${origin}, or null for none.`,
        param: 'api_key',
      });
    }
    return {};
  }
}
