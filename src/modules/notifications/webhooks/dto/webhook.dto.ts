import { PageQuery } from '#common/pagination/page.query.js';
import { OneOf, Text, TextList } from '#common/validation/fields.js';
import { MAX_TARGET_URL_LENGTH } from '#platform/http/outbound/target-url.js';

import { NOTIFICATION_TYPES } from '../../notifier.port.js';
import type { WebhookStatus } from '../webhook.repository.js';

export const WEBHOOK_STATUSES = ['active', 'disabled'] as const;
export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

const EVENTS = ['*', ...NOTIFICATION_TYPES];

const URL_FIELD = {
  description:
    'Where messages are posted to: https, on port 443 or 8443 of the public internet, unless the operator allows others.',
  example: 'https://example.com/hooks/latchkey',
  max: MAX_TARGET_URL_LENGTH,
};
const EVENTS_FIELD = {
  description: 'What it is to be told of; `*` is everything, also what is added later.',
  example: ['key.rotated', 'key.expiring'],
  minItems: 1,
  maxItems: EVENTS.length,
  values: EVENTS,
};
const DESCRIPTION_FIELD = {
  description: 'For people.',
  example: 'Our pager',
  max: 256,
  optional: true,
};

const TEAM_FIELD = { example: 'team_4fTqV0mZx1sLwq8nE2bYcA', max: 64, optional: true };

export class CreateWebhookDto {
  @Text(URL_FIELD)
  url: string;

  @TextList(EVENTS_FIELD)
  events: string[];

  @Text(DESCRIPTION_FIELD)
  description?: string | null;

  @Text({ ...TEAM_FIELD, description: 'The team whose keys it hears of. Unless given: all keys.' })
  team_id?: string | null;
}

export class UpdateWebhookDto {
  @Text({ ...URL_FIELD, optional: true })
  url?: string;

  @TextList({ ...EVENTS_FIELD, optional: true })
  events?: string[];

  @Text({ ...DESCRIPTION_FIELD, description: 'For people. `null` removes it.', nullable: true })
  description?: string | null;

  @Text({
    ...TEAM_FIELD,
    description: 'The team whose keys it hears of from now on; `null` for all keys.',
    nullable: true,
  })
  team_id?: string | null;

  @OneOf({
    description:
      'Nothing is sent to one that is `disabled`. To make it `active` forgets how it has failed.',
    values: WEBHOOK_STATUSES,
    optional: true,
  })
  status?: WebhookStatus;
}

export class ListWebhooksQuery extends PageQuery {
  @Text({ ...TEAM_FIELD, description: 'Only those of this team.' })
  team_id?: string;
}

export class ListDeliveriesQuery extends PageQuery {
  @OneOf({
    description: 'Only those that are still tried, were taken, or were given up.',
    values: DELIVERY_STATUSES,
    optional: true,
  })
  status?: DeliveryStatus;
}
