import { Inject, Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';

import { CatalogLock } from '../catalog-lock.js';
import { RecordCatalogChange } from '../record-catalog-change.js';
import { MAX_PROVIDERS } from '../catalog.limits.js';
import { refuseDuplicate } from '#platform/database/refuse-duplicate.js';
import { type BaseUrl, parseBaseUrl } from './domain/base-url.js';
import { mergeTimeouts } from './domain/merge-timeouts.js';
import { refuseReservedName } from './domain/reserved-name.js';
import { DEFAULT_TIMEOUTS, type ProviderTimeouts } from './domain/timeouts.js';
import type { CreateProviderDto, ProviderKind } from './dto/provider.dto.js';
import { ProviderCredentials } from './provider-credentials.js';
import { ProviderEntity } from './provider.entity.js';
import { PROVIDER_NAME_CONSTRAINT, ProviderRepository } from './provider.repository.js';

/** What is written of a new provider. */
export type NewProvider = {
  readonly organizationId: string;
  readonly name: string;
  readonly kind: ProviderKind;
  readonly baseUrl: BaseUrl;
  readonly credential: Secret | null;
  readonly timeouts: ProviderTimeouts;
};

@Injectable()
export class CreateProviderService {
  constructor(
    private readonly providers: ProviderRepository,
    private readonly credentials: ProviderCredentials,
    private readonly lock: CatalogLock,
    private readonly record: RecordCatalogChange,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @throws {AppError} `invalid_request` naming the field; `conflict` for a name that is taken or one provider too many */
  async create(organizationId: string, dto: CreateProviderDto): Promise<ProviderEntity> {
    refuseReservedName(dto.name);
    return this.write({
      organizationId,
      name: dto.name,
      kind: dto.kind,
      baseUrl: parseBaseUrl(dto.base_url, this.config.allowPrivateTargets),
      credential: dto.api_key ? new Secret(dto.api_key) : null,
      timeouts: mergeTimeouts(DEFAULT_TIMEOUTS, dto.timeouts),
    });
  }

  /** Writes a provider that somebody has already decided on. */
  async write(newProvider: NewProvider): Promise<ProviderEntity> {
    const { organizationId, name, kind, baseUrl, credential, timeouts } = newProvider;
    const now = new Date(this.clock.now());
    const id = newId('provider');
    const provider = Object.assign(new ProviderEntity(), {
      id,
      organizationId,
      name,
      kind,
      baseUrl: baseUrl.url,
      ...this.credentials.seal(id, baseUrl.origin, credential),
      timeouts,
      createdAt: now,
      updatedAt: now,
      version: 1,
    });
    return this.lock.run(organizationId, async () => {
      if ((await this.providers.count(organizationId)) >= MAX_PROVIDERS) {
        throw new AppError('conflict', {
          message: `An organization has at most ${MAX_PROVIDERS} providers. Delete one first.`,
        });
      }
      await refuseDuplicate(PROVIDER_NAME_CONSTRAINT, nameIsTaken(name), () =>
        this.providers.insert(provider),
      );
      await this.record.created('provider', [provider]);
      return provider;
    });
  }
}

export function nameIsTaken(name: string): { message: string; param: string } {
  return { message: `There is a provider named ${name} already.`, param: 'name' };
}
