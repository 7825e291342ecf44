import { type Scope, SCOPES } from '#common/auth/scopes.js';
import { Name, Text, TextList } from '#common/validation/fields.js';

import { CHANGED_DESCRIPTION_FIELD, DESCRIPTION_FIELD } from '../../structure.fields.js';

const NAME_FIELD = {
  description: 'No other role of the organization has it, and no built-in one.',
  example: 'Release manager',
};
const SCOPES_FIELD = {
  description: 'What it lets people do. Whoever sets them has them all.',
  example: ['keys:read', 'usage:read'],
  minItems: 1,
  maxItems: SCOPES.length,
  values: SCOPES,
};

export class CreateRoleDto {
  @Name(NAME_FIELD)
  name: string;

  @Text(DESCRIPTION_FIELD)
  description?: string | null;

  @TextList(SCOPES_FIELD)
  scopes: Scope[];
}

export class UpdateRoleDto {
  @Name({ ...NAME_FIELD, optional: true })
  name?: string;

  @Text(CHANGED_DESCRIPTION_FIELD)
  description?: string | null;

  @TextList({ ...SCOPES_FIELD, optional: true })
  scopes?: Scope[];
}
