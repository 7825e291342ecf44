import { Flag, Text } from '#common/validation/fields.js';

export const ROLE_FIELD = {
  description: 'A built-in role, or the id of one of the organization’s own.',
  example: 'developer',
  max: 64,
};

export class UpdateMemberDto {
  @Text(ROLE_FIELD)
  role: string;
}

export class SuspendUserDto {
  @Flag({
    description:
      'In every organization, for a master key alone. Else it is about the membership in the caller’s.',
    example: false,
    optional: true,
  })
  everywhere?: boolean;
}
