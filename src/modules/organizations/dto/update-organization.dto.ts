import { OneOf } from '#common/validation/fields.js';

import { LEAKED_KEY_ACTIONS, type LeakedKeyAction } from '../leaked-key-policy.port.js';

export class UpdateOrganizationDto {
  @OneOf({
    description:
      'What is done with a key of the organization that is reported as leaked: `revoke` it for good, or `disable` it until somebody enables it.',
    values: LEAKED_KEY_ACTIONS,
    optional: true,
  })
  leaked_keys?: LeakedKeyAction;
}
