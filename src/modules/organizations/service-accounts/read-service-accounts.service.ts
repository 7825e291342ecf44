import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';

import type { ListServiceAccountsQuery } from './dto/service-account.dto.js';
import type { ServiceAccountResponse } from './dto/service-account.responses.js';
import { ServiceAccountRepository, type ServiceAccountRow } from './service-account.repository.js';
import { viewServiceAccount } from './service-account.view.js';

@Injectable()
export class ReadServiceAccountsService {
  constructor(private readonly accounts: ServiceAccountRepository) {}

  async list(
    organizationId: string,
    { limit, cursor, team_id: teamId, status, name }: ListServiceAccountsQuery,
  ): Promise<Page<ServiceAccountResponse>> {
    const filter = { teamId, status, name };
    const rows = await this.accounts.list(organizationId, filter, decodeCursor(cursor), limit);
    return toPage(rows, limit, viewServiceAccount);
  }

  /** @throws {AppError} `not_found`, also for another organization's */
  async get(organizationId: string, id: string): Promise<ServiceAccountRow> {
    return serviceAccountOr404(await this.accounts.find(organizationId, id), id);
  }
}

export function serviceAccountOr404<Found>(found: Found | null, id: string): Found {
  if (found !== null) return found;
  throw new AppError('not_found', { message: `There is no service account ${id}.` });
}
