import { Inject, Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import type { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { isGiven } from '#common/validation/given.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';

import { type ChannelReach, ChannelReaches, refuseGoneTeam } from '../channel-reach.js';
import { WebhookSecrets } from '../webhook-secrets.js';
import type { UpdateWebhookDto } from './dto/webhook.dto.js';
import { webhookOr404 } from './read-webhooks.service.js';
import { parseWebhookUrl } from './webhook-url.js';
import { WebhookRepository, type WebhookRow } from './webhook.repository.js';
import { WriteWebhookService } from './write-webhook.service.js';

/** How long messages are signed with the old secret too. */
const OVERLAP_MS = 24 * 3_600_000;

@Injectable()
export class ChangeWebhookService {
  constructor(
    private readonly webhooks: WebhookRepository,
    private readonly writer: WriteWebhookService,
    private readonly reaches: ChannelReaches,
    private readonly secrets: WebhookSecrets,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Changes the fields that are given and leaves the others.
   * @throws {AppError} `not_found`; `invalid_request` naming the field; for a team as `settleTeam`
   */
  async change(caller: Principal, id: string, dto: UpdateWebhookDto): Promise<WebhookRow> {
    const reach = await this.reaches.of(caller);
    const address = isGiven(dto.url)
      ? parseWebhookUrl(dto.url, this.config.allowPrivateTargets)
      : undefined;
    const { events, description, status } = dto;
    const teamId = await this.#teamOf(reach, id, dto.team_id);
    const changes = { address, events, description, status, teamId };
    return refuseGoneTeam(teamId, () => this.writer.update(reach, id, changes));
  }

  /**
   * Gives it a new secret. For 24 h both sign; one that is older still ends at once.
   * @throws {AppError} `not_found`
   */
  async rotateSecret(
    caller: Principal,
    id: string,
  ): Promise<{ webhook: WebhookRow; secret: Secret }> {
    const { secret, sealed } = this.secrets.issue(id);
    const oldExpiresAt = new Date(this.clock.now() + OVERLAP_MS);
    const reach = await this.reaches.of(caller);
    const webhook = await this.writer.replaceSecret(reach, id, sealed, oldExpiresAt);
    return { webhook, secret };
  }

  /** @throws {AppError} `not_found` */
  async delete(caller: Principal, id: string): Promise<void> {
    await this.writer.delete(await this.reaches.of(caller), id);
  }

  async #teamOf(
    reach: ChannelReach,
    id: string,
    asked: string | null | undefined,
  ): Promise<string | null | undefined> {
    if (asked === undefined) return undefined;
    const { keyId } = webhookOr404(await this.webhooks.find(reach, id), id);
    if (keyId !== null && asked !== null) {
      throw new AppError('invalid_request', {
        param: 'team_id',
        message: `This webhook is of the key ${keyId}, and can’t be a team’s.`,
      });
    }
    return this.reaches.settleTeam(reach, asked);
  }
}
