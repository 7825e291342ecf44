import { PageQuery } from '#common/pagination/page.query.js';
import { Name, OneOf, Text } from '#common/validation/fields.js';

import { CHANGED_DESCRIPTION_FIELD, DESCRIPTION_FIELD, STANDINGS } from '../../structure.fields.js';
import type { Standing } from '../../teams/teams.port.js';

const NAME_FIELD = {
  description: 'No other service account of the organization has it.',
  example: 'nightly-batch',
};
const ROLE_FIELD = {
  description:
    'What its keys may do at most: a built-in role by its name, or the `role_…` of one of the organization’s own. Never `owner`.',
  example: 'developer',
  max: 64,
};
const TEAM_FIELD = { example: 'team_4fTqV0mZx1sLwq8nE2bYcA', max: 64, optional: true };

export class CreateServiceAccountDto {
  @Name(NAME_FIELD)
  name: string;

  @Text({ ...DESCRIPTION_FIELD, example: 'Reports that run at night' })
  description?: string | null;

  @Text(ROLE_FIELD)
  role: string;

  @Text({ ...TEAM_FIELD, description: 'The team that it, and each key of it, is in for good.' })
  team_id?: string | null;
}

export class UpdateServiceAccountDto {
  @Name({ ...NAME_FIELD, optional: true })
  name?: string;

  @Text({ ...CHANGED_DESCRIPTION_FIELD, example: 'Reports that run at night' })
  description?: string | null;

  @Text({ ...ROLE_FIELD, optional: true })
  role?: string;
}

export class ListServiceAccountsQuery extends PageQuery {
  @Text({ ...TEAM_FIELD, description: 'Only those of this team.' })
  team_id?: string;

  @OneOf({ description: 'Only those that are so.', values: STANDINGS, optional: true })
  status?: Standing;

  @Name({ description: 'Only the one of this name.', example: 'nightly-batch', optional: true })
  name?: string;
}
