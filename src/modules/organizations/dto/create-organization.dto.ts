import { Name } from '#common/validation/fields.js';

export class CreateOrganizationDto {
  @Name({ description: 'Others may have the same.', example: 'Acme' })
  name: string;
}
