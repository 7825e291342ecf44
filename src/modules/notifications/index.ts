export { type ChannelAddress, KeyChannels } from './key-channels.port.js';
export { NotificationRoutesModule } from './notification-routes.module.js';
export { NotificationsModule } from './notifications.module.js';
export { PersonalMail } from './personal-mail.port.js';
export { Notifier, type NotificationType } from './notifier.port.js';
