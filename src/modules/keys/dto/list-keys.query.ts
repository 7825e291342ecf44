import { PageQuery } from '#common/pagination/page.query.js';
import { Int, OneOf, Text } from '#common/validation/fields.js';

import { KEY_TYPES, type KeyType } from '../domain/belonging.js';

const ID = { max: 64, optional: true } as const;
const MAX_DAYS = 3_650;

export class ListKeysQuery extends PageQuery {
  @OneOf({ description: 'Only those of this type.', values: KEY_TYPES, optional: true })
  type?: KeyType;

  @Text({ description: 'Only those of this team.', ...ID })
  team_id?: string;

  @Text({ description: 'Only those for this project.', ...ID })
  project_id?: string;

  @Text({ description: 'Only this user’s own.', ...ID })
  owner_id?: string;

  @Text({ description: 'Only those of this service account.', ...ID })
  service_account_id?: string;

  @Int({
    description:
      'Only those that have existed and not been used for so many days, without revoked ones. Where few are unused, a page may be short, or empty, and not the last: go on with its `next_cursor`.',
    min: 1,
    max: MAX_DAYS,
    optional: true,
  })
  unused_for?: number;
}
