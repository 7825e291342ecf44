import { PageQuery } from '#common/pagination/page.query.js';
import { Name, Text } from '#common/validation/fields.js';

import { CHANGED_DESCRIPTION_FIELD, DESCRIPTION_FIELD } from '../../structure.fields.js';

const NAME_FIELD = {
  description: 'No other project of the organization has it.',
  example: 'Search',
};
const TEAM_FIELD = { example: 'team_4fTqV0mZx1sLwq8nE2bYcA', max: 64, optional: true };

export class CreateProjectDto {
  @Name(NAME_FIELD)
  name: string;

  @Text(DESCRIPTION_FIELD)
  description?: string | null;

  @Text({ ...TEAM_FIELD, description: 'The team that it belongs to.' })
  team_id?: string | null;
}

export class UpdateProjectDto {
  @Name({ ...NAME_FIELD, optional: true })
  name?: string;

  @Text(CHANGED_DESCRIPTION_FIELD)
  description?: string | null;

  @Text({
    ...TEAM_FIELD,
    description: 'The team that it belongs to; `null` for none.',
    nullable: true,
  })
  team_id?: string | null;
}

export class ListProjectsQuery extends PageQuery {
  @Text({ ...TEAM_FIELD, description: 'Only those of this team.' })
  team_id?: string;
}
