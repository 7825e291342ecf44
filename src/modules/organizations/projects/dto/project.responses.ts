import { ApiProperty } from '@nestjs/swagger';

import { NULLABLE_TEXT_RESPONSE, TIME_RESPONSE } from '../../structure.fields.js';

export class ProjectResponse {
  @ApiProperty({ example: 'project_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: 'Search' })
  name: string;

  @ApiProperty(NULLABLE_TEXT_RESPONSE)
  description: string | null;

  @ApiProperty({ ...NULLABLE_TEXT_RESPONSE, description: 'The team that it belongs to.' })
  team_id: string | null;

  @ApiProperty(TIME_RESPONSE)
  created_at: string;
}

export class ProjectListResponse {
  @ApiProperty({ type: [ProjectResponse] })
  data: ProjectResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty(NULLABLE_TEXT_RESPONSE)
  next_cursor: string | null;
}
