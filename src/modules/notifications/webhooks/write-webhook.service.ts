import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import type { AuditAction } from '#platform/audit-trail/audit-actions.js';
import { type AuditFacts, AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ChannelReach } from '../channel-reach.js';
import { webhookOr404 } from './read-webhooks.service.js';
import { type WebhookChanges, WebhookRepository, type WebhookRow } from './webhook.repository.js';
import { viewWebhook } from './webhook.view.js';
import { MAX_WEBHOOKS } from './webhooks.limits.js';

/** Writes what was decided on, and down in the audit log that it was, in one transaction. */
@Injectable()
export class WriteWebhookService {
  constructor(
    private readonly webhooks: WebhookRepository,
    private readonly trail: AuditTrail,
    private readonly transactions: TransactionRunner,
  ) {}

  /** @throws {AppError} `conflict` for one too many */
  async add(webhook: WebhookRow): Promise<void> {
    const { organizationId } = webhook;
    await this.transactions.run(async () => {
      await this.webhooks.lockAdding(organizationId);
      if ((await this.webhooks.count(organizationId)) >= MAX_WEBHOOKS) {
        throw new AppError('conflict', {
          message: `An organization can have ${MAX_WEBHOOKS} webhooks.`,
        });
      }
      await this.webhooks.insert(webhook);
      await this.trail.append({ ...about('webhook.created', webhook), after: factsOf(webhook) });
    });
  }

  /** @throws {AppError} `not_found` */
  async update(reach: ChannelReach, id: string, changes: WebhookChanges): Promise<WebhookRow> {
    return this.transactions.run(async () => {
      const before = webhookOr404(await this.webhooks.lockForUpdate(reach, id), id);
      const after = webhookOr404(await this.webhooks.update(reach, id, changes), id);
      const event = about('webhook.updated', after);
      await this.trail.appendChange(event, factsOf(before), factsOf(after));
      return after;
    });
  }

  /** @throws {AppError} `not_found` */
  async replaceSecret(
    reach: ChannelReach,
    id: string,
    sealedSecret: Buffer,
    oldExpiresAt: Date,
  ): Promise<WebhookRow> {
    return this.transactions.run(async () => {
      const rotated = await this.webhooks.replaceSecret(reach, id, sealedSecret, oldExpiresAt);
      const webhook = webhookOr404(rotated, id);
      const details = { old_secret_expires_at: oldExpiresAt.toISOString() };
      await this.trail.append({ ...about('webhook.secret_rotated', webhook), details });
      return webhook;
    });
  }

  /** @throws {AppError} `not_found` */
  async delete(reach: ChannelReach, id: string): Promise<void> {
    await this.transactions.run(async () => {
      const webhook = webhookOr404(await this.webhooks.lockForUpdate(reach, id), id);
      await this.webhooks.delete(reach, id);
      await this.trail.append({ ...about('webhook.deleted', webhook), before: factsOf(webhook) });
    });
  }
}

type About = {
  readonly organizationId: string;
  readonly action: AuditAction;
  readonly target: { readonly type: string; readonly id: string };
  readonly keyId: string | null;
};

function about(action: AuditAction, { organizationId, id, keyId }: WebhookRow): About {
  return { organizationId, action, target: { type: 'webhook', id }, keyId };
}

function factsOf(webhook: WebhookRow): AuditFacts {
  return { ...viewWebhook(webhook) };
}
