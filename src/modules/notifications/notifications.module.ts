import { Module } from '@nestjs/common';

import { KeyChannels } from './key-channels.port.js';
import { KeyChannelsService } from './key-channels.service.js';
import { Notifier } from './notifier.port.js';
import { RecordNotificationService } from './record-notification.service.js';
import { WebhookSecrets } from './webhook-secrets.js';

/** Without routes, since workers have it too. */
@Module({
  providers: [
    WebhookSecrets,
    { provide: Notifier, useClass: RecordNotificationService },
    { provide: KeyChannels, useClass: KeyChannelsService },
  ],
  exports: [Notifier, KeyChannels],
})
export class NotificationsModule {}
