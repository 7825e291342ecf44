import { Module } from '@nestjs/common';

import { OrganizationSettingsModule } from '#modules/organizations/index.js';

import { ChannelReaches } from './channel-reach.js';
import { NotificationEmailsController } from './mail/notification-emails.controller.js';
import { NotificationEmailsService } from './mail/notification-emails.service.js';
import { NotificationsModule } from './notifications.module.js';
import { ChangeWebhookService } from './webhooks/change-webhook.service.js';
import { CreateWebhookService } from './webhooks/create-webhook.service.js';
import { DeliveryLogRepository } from './webhooks/delivery-log.repository.js';
import { ReadWebhooksService } from './webhooks/read-webhooks.service.js';
import { TestWebhookService } from './webhooks/test-webhook.service.js';
import { WebhookDeliveriesController } from './webhooks/webhook-deliveries.controller.js';
import { WebhookDeliveriesService } from './webhooks/webhook-deliveries.service.js';
import { WriteWebhookService } from './webhooks/write-webhook.service.js';
import { WebhooksController } from './webhooks/webhooks.controller.js';

/** What people ask of notifications; workers have no routes. */
@Module({
  imports: [NotificationsModule, OrganizationSettingsModule],
  controllers: [NotificationEmailsController, WebhookDeliveriesController, WebhooksController],
  providers: [
    ChannelReaches,
    ChangeWebhookService,
    CreateWebhookService,
    DeliveryLogRepository,
    NotificationEmailsService,
    ReadWebhooksService,
    TestWebhookService,
    WebhookDeliveriesService,
    WriteWebhookService,
  ],
})
export class NotificationRoutesModule {}
