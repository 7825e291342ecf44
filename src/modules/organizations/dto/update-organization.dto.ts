import { OneOf } from '#common/validation/fields.js';

import { LEAKED_KEY_ACTIONS, type LeakedKeyAction } from '../leaked-key-policy.port.js';
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
}
