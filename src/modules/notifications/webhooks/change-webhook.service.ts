import { Inject, Injectable } from '@nestjs/common';

import type { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { isGiven } from '#common/validation/given.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';

import { WebhookSecrets } from '../webhook-secrets.js';
import type { UpdateWebhookDto } from './dto/webhook.dto.js';
import { webhookOr404 } from './read-webhooks.service.js';
import { parseWebhookUrl } from './webhook-url.js';
import { WebhookRepository, type WebhookRow } from './webhook.repository.js';

/** How long messages are signed with the old secret too. */
const OVERLAP_MS = 24 * 3_600_000;

@Injectable()
export class ChangeWebhookService {
  constructor(
    private readonly webhooks: WebhookRepository,
    private readonly secrets: WebhookSecrets,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Changes the fields that are given and leaves the others.
   * @throws {AppError} `not_found`; `invalid_request` naming the field
   */
  async change(organizationId: string, id: string, dto: UpdateWebhookDto): Promise<WebhookRow> {
    const address = isGiven(dto.url)
      ? parseWebhookUrl(dto.url, this.config.allowPrivateTargets)
      : undefined;
    const { events, description, status } = dto;
    const changes = { address, events, description, status };
    return webhookOr404(await this.webhooks.update(organizationId, id, changes), id);
  }

  /**
   * Gives it a new secret. For 24 h both sign; one that is older still ends at once.
   * @throws {AppError} `not_found`
   */
  async rotateSecret(
    organizationId: string,
    id: string,
  ): Promise<{ webhook: WebhookRow; secret: Secret }> {
    const { secret, sealed } = this.secrets.issue(id);
    const oldExpiresAt = new Date(this.clock.now() + OVERLAP_MS);
    const rotated = await this.webhooks.replaceSecret(organizationId, id, sealed, oldExpiresAt);
    return { webhook: webhookOr404(rotated, id), secret };
  }

  /** @throws {AppError} `not_found` */
  async delete(organizationId: string, id: string): Promise<void> {
    webhookOr404((await this.webhooks.delete(organizationId, id)) || null, id);
  }
}
