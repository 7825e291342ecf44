import { Module } from '@nestjs/common';

import { NotificationEmailsController } from './notification-emails.controller.js';
import { NotificationEmailsService } from './notification-emails.service.js';

/** Apart from what sends, which workers have as well, and they have no routes. */
@Module({ controllers: [NotificationEmailsController], providers: [NotificationEmailsService] })
export class NotificationEmailsModule {}
