import { Flag, Name, OneOf, Text } from '#common/validation/fields.js';

import { CHANGED_DESCRIPTION_FIELD, DESCRIPTION_FIELD } from '../../structure.fields.js';
import { TEAM_ROLES, type TeamRole } from '../teams.port.js';

const NAME_FIELD = {
  description: 'No other team of the organization has it.',
  example: 'Platform',
};

export class CreateTeamDto {
  @Name(NAME_FIELD)
  name: string;

  @Text(DESCRIPTION_FIELD)
  description?: string | null;
}

export class UpdateTeamDto {
  @Name({ ...NAME_FIELD, optional: true })
  name?: string;

  @Text(CHANGED_DESCRIPTION_FIELD)
  description?: string | null;
}

export class PutTeamMemberDto {
  @Text({
    description: 'A member of the organization.',
    example: 'user_4fTqV0mZx1sLwq8nE2bYcA',
    max: 64,
  })
  user_id: string;

  @OneOf({ description: 'What they are in the team.', values: TEAM_ROLES, example: 'developer' })
  role: TeamRole;

  @Flag({
    description:
      'Whether they make and change keys of the team; `false` unless said. It is given and taken by who has `keys:write`.',
    example: true,
    optional: true,
  })
  can_manage_keys?: boolean;
}
