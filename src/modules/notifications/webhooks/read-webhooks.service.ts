import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import type { PageQuery } from '#common/pagination/page.query.js';

import type { WebhookResponse } from './dto/webhook.responses.js';
import { WebhookRepository, type WebhookRow } from './webhook.repository.js';
import { viewWebhook } from './webhook.view.js';

@Injectable()
export class ReadWebhooksService {
  constructor(private readonly webhooks: WebhookRepository) {}

  async list(organizationId: string, { limit, cursor }: PageQuery): Promise<Page<WebhookResponse>> {
    const rows = await this.webhooks.list(organizationId, decodeCursor(cursor), limit);
    return toPage(rows, limit, viewWebhook);
  }

  /** @throws {AppError} `not_found`, also for another organization's */
  async get(organizationId: string, id: string): Promise<WebhookRow> {
    return webhookOr404(await this.webhooks.find(organizationId, id), id);
  }
}

export function webhookOr404<Found>(found: Found | null, id: string): Found {
  if (found === null) throw new AppError('not_found', { message: `There is no webhook ${id}.` });
  return found;
}
