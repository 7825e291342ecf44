import { Inject, Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { newId } from '#common/ids/prefixed-id.js';
import type { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';

import { ChannelReaches, refuseGoneTeam } from '../channel-reach.js';
import { WebhookSecrets } from '../webhook-secrets.js';
import type { CreateWebhookDto } from './dto/webhook.dto.js';
import { parseWebhookUrl } from './webhook-url.js';
import type { WebhookRow } from './webhook.repository.js';
import { WriteWebhookService } from './write-webhook.service.js';

@Injectable()
export class CreateWebhookService {
  constructor(
    private readonly writer: WriteWebhookService,
    private readonly reaches: ChannelReaches,
    private readonly secrets: WebhookSecrets,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * @returns it and what it is signed with, to be shown this once
   * @throws {AppError} `invalid_request` naming the field; `conflict` for one too many; for a team as `settleTeam`
   */
  async create(
    caller: Principal,
    dto: CreateWebhookDto,
  ): Promise<{ webhook: WebhookRow; secret: Secret }> {
    const address = parseWebhookUrl(dto.url, this.config.allowPrivateTargets);
    const reach = await this.reaches.of(caller);
    const teamId = await this.reaches.settleTeam(reach, dto.team_id);
    const { organizationId } = reach;
    const id = newId('webhook');
    const { secret, sealed } = this.secrets.issue(id);
    const webhook: WebhookRow = {
      id,
      organizationId,
      keyId: null,
      teamId,
      address,
      events: dto.events,
      description: dto.description ?? null,
      status: 'active',
      statusReason: null,
      failingSince: null,
      sealedSecret: sealed,
      sealedOldSecret: null,
      oldSecretExpiresAt: null,
      createdAt: new Date(this.clock.now()),
    };
    await refuseGoneTeam(teamId, () => this.writer.add(webhook));
    return { webhook, secret };
  }
}
