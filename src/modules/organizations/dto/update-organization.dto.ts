import { Int, IntList, OneOf, Usd } from '#common/validation/fields.js';

import {
  MAX_AUDIT_RETENTION_DAYS,
  MIN_AUDIT_RETENTION_DAYS,
} from '../audit-retention-policy.port.js';
import { UNUSED_KEY_ACTIONS, type UnusedKeyAction } from '../key-care-policies.port.js';
import { LEAKED_KEY_ACTIONS, type LeakedKeyAction } from '../leaked-key-policy.port.js';
import { SUSPICIOUS_KEY_ACTIONS, type SuspiciousKeyAction } from '../suspicious-key-policy.port.js';
import {
  UNCLAIMED_SECRET_ACTIONS,
  type UnclaimedSecretAction,
} from '../unclaimed-secret-policy.port.js';

export class UpdateOrganizationDto {
  @OneOf({
    description:
      'What is done with a key of the organization that is reported as leaked: `revoke` it for good, or `disable` it until somebody enables it.',
    values: LEAKED_KEY_ACTIONS,
    optional: true,
  })
  leaked_keys?: LeakedKeyAction;

  @OneOf({
    description:
      'What becomes of an old secret whose time is over while nobody has claimed the new one: `extend` its time by 24 hours, again and again, or let it `lapse`.',
    values: UNCLAIMED_SECRET_ACTIONS,
    optional: true,
  })
  unclaimed_secrets?: UnclaimedSecretAction;
  @IntList({
    description:
      'Tell somebody so many days before a key expires; `[]` for no reminders. Of a key that expires they are told in any case.',
    example: [30, 7, 1],
    maxItems: 5,
    min: 1,
    max: 365,
    optional: true,
  })
  expiry_reminder_days?: number[];

  @Int({
    description: 'Count a key as unused after so many days without a call; `null` for never.',
    example: 90,
    min: 1,
    max: 365,
    optional: true,
    nullable: true,
  })
  unused_key_days?: number | null;

  @OneOf({
    description:
      'What is done with an unused key: `notify` somebody, or `disable` it as well, if all that it may do is call models.',
    values: UNUSED_KEY_ACTIONS,
    optional: true,
  })
  unused_key_action?: UnusedKeyAction;

  @OneOf({
    description:
      'What is done with a key whose use looks like somebody else’s, where its policy says `alert_on_suspicious`: `notify` somebody, or `disable` it as well, where that is hardly a mistake.',
    values: SUSPICIOUS_KEY_ACTIONS,
    optional: true,
  })
  suspicious_keys?: SuspiciousKeyAction;

  @Int({
    description:
      'For how many days entries of the audit log are kept. Those of a key whose policy says more are kept for that. Less than before counts after a week.',
    example: 90,
    min: MIN_AUDIT_RETENTION_DAYS,
    max: MAX_AUDIT_RETENTION_DAYS,
    optional: true,
  })
  audit_retention_days?: number;

  @Int({
    description:
      'How many hours somebody has to approve a key, or what it is to get more. What is asked for later is meant, not what waits already.',
    example: 168,
    min: 1,
    max: 720,
    optional: true,
  })
  approval_expiry_hours?: number;

  @Usd({
    description:
      'USD above which lifting a budget waits for somebody’s approval, as deleting one then does; `null` for nothing waits. To raise it, or to give it up, waits as well.',
    example: '1000',
    max: 9_000_000,
    optional: true,
    nullable: true,
  })
  approval_budget_threshold?: string | number | null;
}
