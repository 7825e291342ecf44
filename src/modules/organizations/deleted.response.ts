import { ApiProperty } from '@nestjs/swagger';

export class DeletedResponse {
  @ApiProperty({ example: 'team_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: true })
  deleted: true;
}
