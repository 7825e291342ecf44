import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';

import { ChannelReaches } from '../channel-reach.js';
import type { ListWebhooksQuery } from './dto/webhook.dto.js';
import type { WebhookResponse } from './dto/webhook.responses.js';
import { WebhookRepository, type WebhookRow } from './webhook.repository.js';
import { viewWebhook } from './webhook.view.js';

@Injectable()
export class ReadWebhooksService {
  constructor(
    private readonly webhooks: WebhookRepository,
    private readonly reaches: ChannelReaches,
  ) {}

  async list(
    caller: Principal,
    { limit, cursor, team_id: teamId }: ListWebhooksQuery,
  ): Promise<Page<WebhookResponse>> {
    const reach = await this.reaches.of(caller);
    const page = { after: decodeCursor(cursor), limit };
    const rows = await this.webhooks.list(reach, teamId ?? null, page);
    return toPage(rows, limit, viewWebhook);
  }

  /** @throws {AppError} `not_found`, also for another organization's, and for one of a team that the caller does not reach */
  async get(caller: Principal, id: string): Promise<WebhookRow> {
    return webhookOr404(await this.webhooks.find(await this.reaches.of(caller), id), id);
  }
}

export function webhookOr404<Found>(found: Found | null, id: string): Found {
  if (found === null) throw new AppError('not_found', { message: `There is no webhook ${id}.` });
  return found;
}
