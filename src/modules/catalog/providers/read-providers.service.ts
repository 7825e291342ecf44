import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import type { PageQuery } from '#common/pagination/page.query.js';

import type { ProviderResponse } from './dto/provider.responses.js';
import type { ProviderEntity } from './provider.entity.js';
import { ProviderRepository } from './provider.repository.js';
import { viewProvider } from './provider.view.js';

@Injectable()
export class ReadProvidersService {
  constructor(private readonly providers: ProviderRepository) {}

  async list(
    organizationId: string,
    { limit, cursor }: PageQuery,
  ): Promise<Page<ProviderResponse>> {
    const rows = await this.providers.list(organizationId, decodeCursor(cursor), limit);
    return toPage(rows, limit, viewProvider);
  }

  /** @throws {AppError} `not_found`, also for another organization's provider */
  async get(organizationId: string, id: string): Promise<ProviderEntity> {
    const provider = await this.providers.find(organizationId, id);
    if (!provider) throw providerNotFound(id);
    return provider;
  }
}

export function providerNotFound(id: string, param?: string): AppError {
  return new AppError('not_found', {
    message: `There is no provider ${id}.`,
    ...(param !== undefined && { param }),
  });
}
