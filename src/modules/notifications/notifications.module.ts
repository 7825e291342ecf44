import { Module } from '@nestjs/common';

import { ChannelSender } from './dispatch/channel-sender.js';
import { DeliverNotificationService } from './dispatch/deliver-notification.service.js';
import { DeliveryQueue } from './dispatch/delivery-queue.js';
import { DeliveryRepository } from './dispatch/delivery.repository.js';
import { DispatchNotificationService } from './dispatch/dispatch-notification.service.js';
import { DispatchWhenRecorded } from './dispatch/dispatch-when-recorded.js';
import { NOTIFICATIONS_JOBS } from './dispatch/notifications.jobs.js';
import { NotificationsMetrics } from './dispatch/notifications.metrics.js';
import {
  DispatchNotificationProcessor,
  PurgeNotificationsProcessor,
  SendDeliveryProcessor,
  SweepNotificationsProcessor,
} from './dispatch/notifications.processors.js';
import { RecordDeliveryService } from './dispatch/record-delivery.service.js';
import { SweepNotificationsService } from './dispatch/sweep-notifications.service.js';
import { KeyChannels } from './key-channels.port.js';
import { KeyChannelsService } from './key-channels.service.js';
import { MailSender } from './mail/mail-sender.js';
import { SendPersonalMailService } from './mail/send-personal-mail.service.js';
import { Notifier } from './notifier.port.js';
import { PersonalMail } from './personal-mail.port.js';
import { RecordNotificationService } from './record-notification.service.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { WebhookHealth } from './webhooks/webhook-health.js';
import { WebhookRepository } from './webhooks/webhook.repository.js';
import { WebhookSender } from './webhooks/webhook-sender.js';

/** Without routes, since workers have it too. */
@Module({
  providers: [
    ChannelSender,
    DeliverNotificationService,
    DeliveryQueue,
    DeliveryRepository,
    DispatchNotificationProcessor,
    DispatchNotificationService,
    DispatchWhenRecorded,
    NOTIFICATIONS_JOBS,
    NotificationsMetrics,
    PurgeNotificationsProcessor,
    RecordDeliveryService,
    SendDeliveryProcessor,
    SweepNotificationsProcessor,
    SweepNotificationsService,
    WebhookHealth,
    WebhookRepository,
    MailSender,
    WebhookSecrets,
    WebhookSender,
    { provide: PersonalMail, useClass: SendPersonalMailService },
    { provide: Notifier, useClass: RecordNotificationService },
    { provide: KeyChannels, useClass: KeyChannelsService },
  ],
  exports: [
    DeliveryQueue,
    KeyChannels,
    Notifier,
    PersonalMail,
    WebhookRepository,
    WebhookSecrets,
    WebhookSender,
  ],
})
export class NotificationsModule {}
